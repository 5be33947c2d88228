import Glibc
import Testing
import Wire

/// More for taps than their budget has room for: what is passed over shows, and holds nothing up.
struct TapBudgetTests {
  private static let topic = "tap/inference/output/a/"
  private static var pipeline: PipelineText {
    var pipeline = PipelineText(
      tokenizer: "{ kind: one-hot }", model: "Fixtures/hello/model.keras")
    pipeline.more.append("http: 127.0.0.1:0")
    return pipeline
  }

  /// A client of stream `a` that has as much under way as it may.
  private struct Flood {
    let client: WireClient
    private(set) var sent: UInt64 = 0
    private var answered: UInt64 = 0
    /// Answers whose number was not the next one.
    private(set) var isTorn = false

    init(_ client: WireClient) throws {
      self.client = client
      try client.hello()
    }

    /// Sends messages and takes the answers to all of them.
    mutating func run(messages: Int, steps: UInt64) throws {
      let ids = (0..<steps).map { Int32($0 % 5) }
      let end = sent + UInt64(messages) * steps
      while answered < end {
        while sent < end, client.sent + steps <= client.credit {
          try client.send(.ids(ids), to: "a", number: sent)
          sent += steps
        }
        // Credit may come behind the last answer.
        let next = try client.receiveAny(within: Deadline.standard.remaining)
        let message = try #require(next, "\(answered) of \(end) steps are answered")
        guard message.header.kind == .answer else {
          #expect(message.header.kind != .refuse)
          continue
        }
        if message.header.number != answered { isTorn = true }
        answered += UInt64(message.header.count)
      }
    }
  }

  /// Has single steps answered until the subscriber has heard the newest one.
  private func catchUp(_ flood: inout Flood, _ tap: TapSubscriber) throws -> [ReceivedMessage] {
    var heard: [ReceivedMessage] = []
    let deadline = Deadline.standard
    while !deadline.hasPassed {
      try flood.run(messages: 1, steps: 1)
      while let message = try tap.receive(within: .milliseconds(20)) { heard.append(message) }
      if let last = heard.last, last.header.number + 1 == flood.sent { return heard }
    }
    throw HarnessError.timedOut(waitingFor: "the newest step", seen: "\(heard.count) messages")
  }

  /// Bytes that it has in memory beside answers that are kept for repetition.
  private func memory(of running: RunningPipeline, _ http: HTTPClient) throws -> Int {
    let kept = try #require(try http.metrics()["millrace_answer_cache_bytes"])
    return try running.daemon.process.residentKiB() * 1024 - Int(kept)
  }

  @Test func whatIsPassedOverIsAHoleForReadersAndCounted() throws {
    let running = try RunningPipeline(Self.pipeline, isTapped: true)
    var flood = try Flood(try running.client())
    let tap = try TapSubscriber(running.monitor, topic: Self.topic, queueMessages: 0)
    var heard = try catchUp(&flood, tap)
    // Each makes a message dearer, and what they do not read waits for nobody.
    let others = try (0..<15).map { _ in
      try TapSubscriber(running.monitor, topic: "", queueMessages: 1)
    }
    let http = try HTTPClient(running.daemon)
    let metric = "millrace_tap_skipped_total{stage=\"inference-0\"}"
    let deadline = Deadline.standard
    repeat {
      try flood.run(messages: 200, steps: 256)
    } while try http.metrics()[metric] ?? 0 < 500 && !deadline.hasPassed
    heard += try catchUp(&flood, tap)
    let skipped = try #require(try http.metrics()[metric])
    #expect(skipped >= 500)
    #expect(!flood.isTorn)
    let sequences = try heard.map { try $0.sequence() }
    #expect(zip(sequences, sequences.dropFirst()).allSatisfy { $0 < $1 })
    let first = try #require(sequences.first)
    let last = try #require(sequences.last)
    #expect(last - first + 1 == UInt64(heard.count) + UInt64(skipped))
    withExtendedLifetime(others) {}
  }

  @Test func stoppedSubscribersHoldNeitherAnswersNorMemory() throws {
    let running = try RunningPipeline(Self.pipeline, isTapped: true)
    var flood = try Flood(try running.client())
    let stopped = try (0..<4).map { _ in try ChildProcess(["tap", running.file]) }
    let deadline = Deadline.standard
    for tap in stopped {
      while tap.output.isEmpty, !deadline.hasPassed {
        try flood.run(messages: 1, steps: 1)
        _ = try tap.hasEnded()
      }
      #expect(!tap.output.isEmpty)
      tap.signal(SIGSTOP)
    }
    // What is queued for subscribers is full behind the first part of this.
    let http = try HTTPClient(running.daemon)
    try flood.run(messages: 1_500, steps: 256)
    let before = try memory(of: running, http)
    try flood.run(messages: 3_000, steps: 256)
    let growth = try memory(of: running, http) - before
    #expect(!flood.isTorn)
    // The answers alone, once for all subscribers, are 18 MB; lines of results come beside them.
    if !Checkout.isSanitized { #expect(growth < 6 << 20, "\(growth) bytes") }
    for tap in stopped { tap.signal(SIGCONT) }
    _ = try catchUp(
      &flood, try TapSubscriber(running.monitor, topic: Self.topic, queueMessages: 0))
  }
}
