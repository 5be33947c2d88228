import Wire
import ZeroMQ

/// The loop of a filter: input as long as there is credit, answers as they come.
struct FilterLoop {
  private let client: StreamClient
  private let stopped: Signal
  private var source: any InputSource
  private let onAnswer: (StreamID, Header, AnswerMessage) throws -> Void
  private let onRefusal: (StreamID?, UInt64, Refusal) -> Void
  private let onIdle: () throws -> Void
  private let say: (String) -> Void
  private var summary = Filter.Summary()

  /// How long a daemon may take to welcome us.
  private static let welcomeMilliseconds: UInt64 = 5000
  /// As the one before, once it has welcomed us: the network between may be slow to come back.
  private static let welcomeAgainMilliseconds: UInt64 = 60_000
  /// Pings, one every two seconds, that a daemon may leave unanswered: a cut of a minute is no end.
  private static let pingsUnansweredMax = 45
  private var wasWelcome = false
  /// Losses of the connection that were told of.
  private var knownLosses = 0
  /// The endpoint that is told to be gone.
  private var missing: String?

  init(
    context: Context, endpoint: String, epoch: UInt64, keepsLives: Bool, keys: CurveClientKeys?,
    stopped: Signal,
    source: any InputSource,
    onAnswer: @escaping (StreamID, Header, AnswerMessage) throws -> Void,
    onRefusal: @escaping (StreamID?, UInt64, Refusal) -> Void,
    onIdle: @escaping () throws -> Void,
    say: @escaping (String) -> Void
  ) throws {
    client = try StreamClient(
      context: context, endpoint: endpoint, epoch: epoch, keepsLives: keepsLives, keys: keys)
    self.stopped = stopped
    self.source = source
    self.onAnswer = onAnswer
    self.onRefusal = onRefusal
    self.onIdle = onIdle
    self.say = say
  }

  func run() throws -> Filter.Summary {
    var loop = self
    return try loop.loop()
  }

  private mutating func loop() throws -> Filter.Summary {
    var answersOnly = Poller()
    var withInput = Poller()
    var input: Int?
    var connections = 0
    var isEnded = false
    while true {
      if connections != client.connectionCount {
        connections = client.connectionCount
        answersOnly = Poller()
        client.add(to: &answersOnly)
        answersOnly.add(stopped)
        withInput = answersOnly
        input = source.descriptor.map { withInput.add(descriptor: $0) }
      }
      let wantsInput = !isEnded && !client.hasWaiting && client.isWelcome
      let wait: Duration = wantsInput && input == nil ? .zero : .milliseconds(500)
      if wantsInput {
        _ = try withInput.wait(timeout: wait)
      } else {
        _ = try answersOnly.wait(timeout: wait)
      }
      if stopped.isRaised { throw Filter.Failure.pipelineStopped }
      do {
        try receive()
      } catch is WireError where !client.isWelcome {
        throw Filter.Failure.noIngress(endpoint: client.troubledEndpoint)
      }
      tellOfConnection()
      if wantsInput, input.map(withInput.isReadable) ?? true {
        if let lines = try source.next() {
          for line in lines { try client.submit(line) }
        } else {
          isEnded = true
          try client.endAll()
        }
      }
      try onIdle()
      if isEnded, !client.isAwaitingAnswers, !client.hasWaiting { return summary }
      if let trouble = client.trouble, trouble.isFinal {
        throw Filter.Failure.notLetIn(
          endpoint: client.troubledEndpoint, reason: trouble.ownWords)
      }
      if client.isWelcome, client.pingsUnanswered > FilterLoop.pingsUnansweredMax {
        throw Filter.Failure.noAnswer(endpoint: client.troubledEndpoint)
      }
      wasWelcome = wasWelcome || client.isWelcome
      let patience =
        wasWelcome ? FilterLoop.welcomeAgainMilliseconds : FilterLoop.welcomeMilliseconds
      if !client.isWelcome,
        MonotonicClock.milliseconds - client.greetedMilliseconds > patience
      {
        let endpoint = client.troubledEndpoint
        guard let trouble = client.trouble, trouble.isOfKeys else {
          throw Filter.Failure.noAnswer(endpoint: endpoint)
        }
        throw Filter.Failure.notLetIn(endpoint: endpoint, reason: trouble.ownWords)
      }
    }
  }

  /// Says when the daemon has gone, and when it is back, however short it was gone.
  private mutating func tellOfConnection() {
    let gone = client.lostEndpoint
    if client.losses > knownLosses {
      knownLosses = client.losses
      let endpoint = gone ?? client.troubledEndpoint
      if missing == nil { say("the connection to \(endpoint) is lost; waiting for the daemon") }
      missing = endpoint
    }
    if gone == nil, let endpoint = missing {
      missing = nil
      say("\(endpoint) is back; going on")
    }
  }

  private mutating func receive() throws {
    var summary = summary
    defer { self.summary = summary }
    try client.receive { event in
      switch event {
      case .answer(let stream, let header, let rows):
        summary.answers += UInt64(rows.count)
        if header.flags.contains(.last) { summary.streams += 1 }
        try onAnswer(stream, header, rows)
      case .refused(let stream, let number, let refusal):
        summary.refusals += 1
        onRefusal(stream, number, refusal)
      case .missing(let stream, let number):
        summary.refusals += 1
        onRefusal(
          stream, number,
          Refusal(
            .overLimit, expected: "answers from before the connection broke", received: "none",
            message: "the daemon does not keep the answers any more that lie below this number "
              + "and have not come"))
      }
    }
  }
}
