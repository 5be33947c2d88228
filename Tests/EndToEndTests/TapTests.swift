import Glibc
import Testing
import Wire

/// Taps and published output: copies for whoever listens, losses that show, no effect on streams.
struct TapTests {
  private static let pipeline = PipelineText(
    tokenizer: "{ kind: one-hot }", model: "Fixtures/hello/model.keras")
  private static var pipelineWithMetrics: PipelineText {
    var pipeline = pipeline
    pipeline.more.append("http: 127.0.0.1:0")
    return pipeline
  }

  /// Sends steps one by one until the subscriber has heard one; returns how many were sent.
  private func wake(_ tap: TapSubscriber, _ client: WireClient, _ stream: String) throws
    -> (sent: UInt64, first: ReceivedMessage)
  {
    let deadline = Deadline.standard
    var sent: UInt64 = 0
    while !deadline.hasPassed {
      try client.send(.ids([Int32(sent % 5)]), to: stream, number: sent)
      _ = try client.answers(of: stream, steps: 1)
      sent += 1
      if let first = try tap.receive(within: .milliseconds(1)) { return (sent, first) }
    }
    throw HarnessError.timedOut(waitingFor: "the tap", seen: "\(sent) steps")
  }

  @Test("fault 24: a stalled subscriber changes nothing and counts its holes")
  func aStalledSubscriberChangesNothingAndCountsItsHoles() throws {
    let running = try RunningPipeline(Self.pipelineWithMetrics, isTapped: true)
    let client = try running.client()
    try client.hello()
    let topic = "tap/inference/output/a/"
    let stalled = try TapSubscriber(running.monitor, topic: topic, queueMessages: 1)
    let attentive = try TapSubscriber(running.monitor, topic: topic, queueMessages: 0)
    var (sent, first) = try wake(stalled, client, "a")
    let offset = first.header.number - (try first.sequence())
    #expect(first.stream == topic)
    // One step a message, so that each message has a number of its own.
    let last: UInt64 = 12_000
    var answered = sent
    while answered < last {
      while sent < last, client.sent < client.credit {
        try client.send(.ids([Int32(sent % 5)]), to: "a", number: sent)
        sent += 1
      }
      let message = try client.receive(.answer, of: "a")
      #expect(message.header.number == answered)
      answered += 1
    }
    // Both go on: what is queued, then what is sent from now on, behind a hole where some is missing.
    func read(_ tap: TapSubscriber, behind first: [ReceivedMessage]) throws -> [ReceivedMessage] {
      var heard = first
      let deadline = Deadline.standard
      while heard.last.map({ $0.header.number < last }) ?? true, !deadline.hasPassed {
        if let message = try tap.receive(within: .milliseconds(200)) {
          heard.append(message)
          continue
        }
        try client.send(.ids([0]), to: "a", number: sent)
        _ = try client.answers(of: "a", steps: 1)
        sent += 1
      }
      #expect(heard.map(\.header.number) == (try heard.map { try $0.sequence() + offset }))
      #expect(zip(heard, heard.dropFirst()).allSatisfy { $0.header.number < $1.header.number })
      return heard
    }
    func holes(_ heard: [ReceivedMessage]) throws -> UInt64 {
      let (begin, end) = (try #require(heard.first), try #require(heard.last))
      return try end.sequence() - begin.sequence() + 1 - UInt64(heard.count)
    }
    let metrics = try HTTPClient(running.daemon).metrics()
    let skipped = try #require(metrics["millrace_tap_skipped_total{stage=\"inference-0\"}"])
    // What the daemon passed over is a hole for both; the one that had room has no other, but where its
    // connection could not keep up.
    let whole = try read(attentive, behind: [])
    #expect(try holes(whole) >= UInt64(skipped))
    let torn = try read(stalled, behind: [first])
    #expect(try holes(torn) >= max(UInt64(skipped), 1))
  }

  @Test func tapsShowTokensOutputsResultsAndEvents() throws {
    let running = try RunningPipeline(.hello, isTapped: true)
    let client = try running.client()
    let topics = [
      "tap/tokenizer/tokens/cam-1/", "tap/inference/output/cam-1/", "tap/sink/result/cam-1/",
      "tap/daemon/events/tokenizer/",
    ]
    let taps = try topics.map {
      try TapSubscriber(running.monitor, topic: $0, queueMessages: 0)
    }
    // Each is awake once it has shown something of a life of the stream.
    let deadline = Deadline.standard
    var awake = Set<Int>()
    while awake.count < taps.count, !deadline.hasPassed {
      _ = try client.carryOut(Cut.whole(.text("h"), of: "cam-1"))
      for (index, tap) in taps.enumerated() {
        while try tap.receive(within: .milliseconds(1)) != nil { awake.insert(index) }
      }
    }
    _ = try client.carryOut(Cut.whole(.text("h"), of: "cam-10"))
    let lines = try running.client(.friendly)
    let answers = try lines.carryOut(Cut.whole(.text("he"), of: "cam-1"))["cam-1"] ?? []
    var shown: [[ReceivedMessage]] = []
    for tap in taps {
      var messages: [ReceivedMessage] = []
      while let message = try tap.receive(within: .milliseconds(300)) { messages.append(message) }
      shown.append(messages)
    }
    let steps = shown.map { messages in messages.filter { $0.header.count > 0 } }
    #expect(steps[0].flatMap { $0.payload.loaded(as: Int32.self) }.suffix(2) == [0, 1])
    #expect(steps[1].flatMap(\.tokenIDs).suffix(2) == [0, 1])
    #expect(
      shown[2].suffix(2).map { $0.text.trimmingNewline } == answers.prefix(2).map(\.text))
    #expect(shown[0...2].joined().allSatisfy { topics.contains($0.stream) })
    let events = shown[3].map(\.text)
    #expect(events.contains { $0.contains("\"start\"") && $0.contains("\"cam-1\"") })
    #expect(events.contains { $0.contains("\"end\"") && $0.contains("\"cam-1\"") })
  }

  @Test func aModelWithoutGatesIsSaid() throws {
    let running = try RunningPipeline(.hello, isTapped: true)
    let tap = try ChildProcess(["tap", running.file, "inference/gates/a/"])
    try tap.read(until: "the word that nothing will come") { !$0.errorLines.isEmpty }
    #expect(tap.errorLines[0].contains("hello/model.keras has no layer with gates (LSTM, GRU)"))
    tap.signal(SIGINT)
    #expect(try tap.waitForExit() == 0)
    try running.stop()
  }

  @Test func aLimitLeavesMessagesOutThatAreNotLost() throws {
    let running = try RunningPipeline(Self.pipeline, isTapped: true)
    let client = try running.client()
    try client.hello()
    let path = running.folder.file("pipeline.yaml")
    let readers = try [["json", "--every", "5"], ["npy", "--at-most", "1000"], ["lines"]].map {
      try ChildProcess(
        ["tap", path, "inference/output", "--stream", "a*", "--limit", "4", "--format"] + $0)
    }
    // Until all have what they wait for; sending ends with them.
    var sent: UInt64 = 0
    let deadline = Deadline.standard
    func areDone() throws -> Bool {
      try readers.allSatisfy { try $0.hasEnded() }
    }
    while try !areDone(), !deadline.hasPassed {
      for stream in ["a1", "b1"] {
        try client.send(.ids([Int32(sent % 5)]), to: stream, number: sent)
        _ = try client.answers(of: stream, steps: 1)
      }
      sent += 1
    }
    for reader in readers {
      #expect(try reader.waitForExit() == 0, "\(reader.errorLines)")
      #expect(reader.errorLines.last == "millrace: 4 messages, 0 lost")
    }
    let lines = readers[0].outputLines
    #expect(lines.allSatisfy { $0.hasPrefix("{\"topic\":\"every:5/tap/inference/output/a1/\"") })
    let numbers = lines.compactMap { line in
      line.firstMatch(of: /"number":([0-9]+)/).flatMap { UInt64($0.output.1) }
    }
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 - $0 == 5 }, "\(numbers)")
    // Four arrays of numpy's format, each one row of five numbers.
    #expect(
      readers[1].output.count == 4 * (128 + 5 * 4) || readers[1].output.count == 4 * (64 + 5 * 4))
    #expect(readers[1].output.starts(with: [0x93] + Array("NUMPY".utf8)))
    #expect(readers[2].outputLines.allSatisfy { $0.hasPrefix("inference/output/a1 ") })
  }

  @Test(arguments: ["json", "tensor"])
  func publishedOutputIsTheLinesOrTheNumbers(format: String) throws {
    let folder = try TemporaryFolder()
    let endpoint = "ipc://\(folder.file("out"))"
    var pipeline = PipelineText.hello
    pipeline.sink = ["publish: \"\(endpoint)\"", "format: \(format)", "values: true"]
    let running = try RunningPipeline(pipeline)
    let client = try running.client(.friendly)
    let subscriber = try TapSubscriber(endpoint, topic: "output/a/", queueMessages: 0)
    let deadline = Deadline.standard
    var isAwake = false
    while !isAwake, !deadline.hasPassed {
      _ = try client.carryOut(Cut.whole(.text("o"), of: "a"))
      while try subscriber.receive(within: .milliseconds(1)) != nil { isAwake = true }
    }
    let lines = try client.carryOut(Cut.whole(.text("hell"), of: "a"))["a"]?
      .filter { !$0.payload.isEmpty }.map(\.text)
    var published: [ReceivedMessage] = []
    while let message = try subscriber.receive(within: .milliseconds(300)) {
      if message.header.count > 0 { published.append(message) }
    }
    #expect(lines?.count == 4)
    #expect(published.allSatisfy { $0.stream == "output/a/" && !$0.isFriendly })
    if format == "json" {
      #expect(published.suffix(4).map(\.text) == lines)
    } else {
      let values = try lines?.map { try OutputLine($0).values }
      #expect(published.flatMap(\.rows).suffix(4) == values?[...])
    }
  }
}

extension String {
  fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
