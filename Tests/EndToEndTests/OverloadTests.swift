import Glibc
import Testing
import Wire

/// More than the daemon can do: every step has its answer or its refusal, memory stays flat, and who
/// behaves is served.
struct OverloadTests {
  private static let pipeline = PipelineText(
    tokenizer: "{ kind: one-hot }", model: "Fixtures/hello/model.keras")

  /// Several senders that never wait for credit, so that they send about three times what is
  /// granted; each message is a stream of its own.
  @Test func sentIsAnsweredAndRefusedExactlyAtThreeTimesCapacity() throws {
    let running = try RunningPipeline(Self.pipeline)
    let steps = [Int32](repeating: 2, count: 96)
    let messages = 4000
    let polite = try running.client()
    try polite.hello()
    var politeSteps: UInt64 = 0
    func politeStep() throws {
      try polite.send(.ids([1]), to: "polite", number: politeSteps)
      #expect(try polite.answers(of: "polite", steps: 1)[0].header.number == politeSteps)
      politeSteps += 1
    }
    try politeStep()
    var before = 0
    var refused = 0
    var answered = 0
    for sender in 0..<3 {
      let client = try running.client()
      try client.hello()
      /// Stream -> steps that are neither answered nor refused.
      var open: [String: Int] = [:]
      func take(_ message: ReceivedMessage) throws {
        switch message.header.kind {
        case .answer:
          open[message.stream, default: 0] -= Int(message.header.count)
          answered += Int(message.header.count)
          if message.isLast { #expect(open.removeValue(forKey: message.stream) == 0) }
        case .refuse:
          let refusal = try message.refusal()
          #expect(refusal.code == .overCredit && refusal.retry)
          #expect(open.removeValue(forKey: message.stream) == steps.count, "answered too")
          refused += steps.count
        default: break
        }
      }
      for index in 0..<messages {
        let name = "s\(sender).\(index)"
        open[name] = steps.count
        while try !client.send(.ids(steps), to: name, number: 0, flags: .end) {
          open[name] = steps.count
        }
        // Three windows are sent for each that is waited for.
        if index % 32 == 31 {
          while open.count > 3 * 1024 / steps.count {
            guard let message = try client.receiveAny(within: .seconds(60)) else {
              throw HarnessError.timedOut(waitingFor: "\(open.count) messages", seen: "")
            }
            try take(message)
          }
          if index % 256 == 255 { try politeStep() }
        }
      }
      while !open.isEmpty {
        guard let message = try client.receiveAny(within: .seconds(60)) else {
          throw HarnessError.timedOut(waitingFor: "the fate of \(open.count) messages", seen: "")
        }
        try take(message)
      }
      let memory = try running.daemon.process.residentKiB()
      if sender == 0 { before = memory }
      // The answer cache and the list of ended streams fill up to their bounds meanwhile.
      if sender == 2, !Checkout.isSanitized {
        #expect(memory - before < 64 * 1024, "from \(before) KiB to \(memory) KiB")
      }
    }
    #expect(answered + refused == 3 * messages * steps.count)
    #expect(answered > 0 && refused > 0, "\(answered) answered, \(refused) refused")
    try running.stop()
  }

  /// With `on-full: refuse` nobody waits: what finds the pipeline full is refused at once, and all
  /// that was not is answered when the reader of the output goes on.
  @Test func aFullPipelineRefusesWhatItDoesNotTake() throws {
    let folder = try TemporaryFolder()
    let fifo = folder.file("out")
    #expect(mkfifo(fifo, 0o600) == 0)
    // Open for both, so that neither end waits for the other.
    let reader = open(fifo, O_RDWR | O_CLOEXEC)
    defer { close(reader) }
    var pipeline = Self.pipeline
    pipeline.sink = ["file: \(fifo)"]
    pipeline.more = ["limits: { on-full: refuse }"]
    let running = try RunningPipeline(pipeline)
    let clients = try (0..<16).map { _ in try running.client() }
    var refused = 0
    var answered = 0
    func take(_ message: ReceivedMessage) throws {
      if message.header.kind == .answer { answered += Int(message.header.count) }
      guard message.header.kind == .refuse else { return }
      let refusal = try message.refusal()
      #expect(refusal.code == .overLimit && refusal.retry)
      refused += 64
    }
    var sent = 0
    for (index, client) in clients.enumerated() {
      try client.hello()
      for message in 0..<16 {
        try client.send(
          .ids([Int32](repeating: 2, count: 64)), to: "s\(index).\(message)", number: 0, flags: .end
        )
        sent += 64
      }
      // Its refusals come at once, whoever reads the output.
      while try client.receiveAny(within: .milliseconds(300)).map(take) != nil {}
    }
    #expect(refused > 0 && answered < sent)
    #expect(fcntl(reader, F_SETFL, O_NONBLOCK) == 0)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let deadline = Deadline.standard
    while answered + refused < sent, !deadline.hasPassed {
      while read(reader, &buffer, buffer.count) > 0 {}
      for client in clients {
        while try client.receiveAny(within: .zero).map(take) != nil {}
      }
    }
    #expect(answered + refused == sent, "\(answered) answered, \(refused) refused of \(sent)")
    running.daemon.process.signal(SIGKILL)
  }
}
