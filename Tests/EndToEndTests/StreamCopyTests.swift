import Foundation
import Testing
import Wire

/// Streams that are exported, imported, forked, reset, rewound and parked, against a run that nobody
/// disturbed.
struct StreamCopyTests {
  /// Pipelines whose streams are compared: characters, values, syllables.
  enum Kind: String, CaseIterable {
    case hello
    case motion
    case reviews = "reviews-ko"

    func text() throws -> PipelineText {
      switch self {
      case .hello: .hello
      case .motion: .motion
      case .reviews:
        PipelineText(
          tokenizer: "{ kind: characters, vocabulary: "
            + "\(Checkout.path("Fixtures/reviews-ko/vocabulary.txt")), unknown: 1, first-id: 2 }",
          model: "Fixtures/reviews-ko/model.keras", labels: "Fixtures/reviews-ko/labels.txt")
      }
    }

    /// Input of one stream.
    func input() throws -> InputData {
      switch self {
      case .hello: .text("hellohellohello")
      case .motion: .values((0..<24).map { row in (0..<9).map { Float(row * 9 + $0) / 100 } })
      case .reviews:
        // The cut lies within a syllable.
        .text("정말 재미있는 영화였다")
      }
    }
  }

  private func rows(_ answers: [ReceivedMessage]) -> [[UInt8]] {
    answers.flatMap { answer -> [[UInt8]] in
      let count = Int(answer.header.count)
      guard count > 0 else { return [] }
      let width = answer.payload.count / count
      return (0..<count).map { Array(answer.payload[$0 * width..<($0 + 1) * width]) }
    }
  }

  /// The answers of a stream that is sent whole.
  private func undisturbed(_ input: InputData, _ client: WireClient) throws -> [[UInt8]] {
    try client.send(input, to: "whole", number: 0, flags: .end)
    return rows(try client.answersToEnd(of: "whole"))
  }

  /// Sends the rest of a stream and gives its answers.
  private func finish(
    _ input: InputData, from number: Int, of stream: String, _ client: WireClient
  ) throws -> [[UInt8]] {
    try client.send(
      input[number..<input.count], to: stream, number: UInt64(number), flags: .end)
    return rows(try client.answersToEnd(of: stream))
  }

  /// Sends the first elements; gives the answers that came before a question about the stream was
  /// answered, which are all of them.
  private func begin(
    _ input: InputData, to number: Int, of stream: String, _ client: WireClient,
    _ control: ControlPeer
  ) throws -> [[UInt8]] {
    try client.send(input[0..<number], to: stream, number: 0)
    var reply: ControlPeer.Reply
    let deadline = Deadline.standard
    repeat {
      reply = try control.ask("{\"do\":\"streams.peek\",\"stream\":\"\(stream)\"}")
    } while !reply.isDone && !deadline.hasPassed
    #expect(reply.number("expected") == UInt64(number), "\(reply.text)")
    let steps = Int(reply.number("steps") ?? 0)
    return rows(try client.answers(of: stream, steps: steps))
  }

  @Test(arguments: Kind.allCases, [false, true])
  func copiesGoOnWithTheSameBits(kind: Kind, isSplit: Bool) throws {
    var text = try kind.text()
    text.workers = 2
    let running = try RunningPipeline(text, isSplit: isSplit)
    let client = try running.client()
    try client.hello()
    let control = try running.control()
    let input = try kind.input()
    let expected = try undisturbed(input, client)
    // For text inside a character of several bytes.
    let cut = input.count / 2 + 1
    let before = try begin(input, to: cut, of: "a", client, control)
    #expect(before == Array(expected.prefix(before.count)))
    let rest = Array(expected.dropFirst(before.count))
    let file = try #require(
      try control.done(#"{"do":"streams.export","stream":"a"}"#).attachment)
    for copy in ["f0", "f1", "f2"] {
      let fork = try control.done("{\"do\":\"streams.fork\",\"stream\":\"a\",\"as\":\"\(copy)\"}")
      #expect(fork.number("expected") == UInt64(cut))
    }
    let copy = try control.done(#"{"do":"streams.import","as":"b"}"#, file: file)
    #expect(copy.number("expected") == UInt64(cut))
    #expect(copy.text("ingress") == running.ingress)
    let welcome = try client.hello(["b": nil])
    #expect(welcome.streams["b"]?.expected == UInt64(cut))
    for stream in ["a", "f0", "b", "f1", "f2"] {
      #expect(try finish(input, from: cut, of: stream, client) == rest, "\(stream)")
    }
    try running.stop()
  }

  /// With a store: what was forked, imported and rewound is there behind a `kill -9`.
  @Test(arguments: [0, 1, 2, 3])
  func copiesSurviveAKilledProcess(victim: Int) throws {
    var text = PipelineText.motion
    text.workers = 2
    let running = try RunningPipeline(text, isSplit: victim > 0, durability: "os")
    let input = try Kind.motion.input()
    var client = try running.client()
    try client.hello()
    let control = try running.control()
    let expected = try undisturbed(input, client)
    let cut = 10
    let before = try begin(input, to: cut, of: "a", client, control)
    let file = try #require(
      try control.done(#"{"do":"streams.export","stream":"a"}"#).attachment)
    try control.done(#"{"do":"streams.import","as":"b"}"#, file: file)
    try control.done(#"{"do":"streams.fork","stream":"a","as":"c"}"#)
    try running.crash(max(0, victim - 1))
    client = try running.client()
    let names = ["a", "b", "c"]
    let welcome = try client.hello(
      Dictionary(uniqueKeysWithValues: names.map { ($0, UInt64?.none) }))
    for name in names {
      #expect(welcome.streams[name]?.expected == UInt64(cut), "\(name)")
      let rest = try finish(input, from: cut, of: name, client)
      #expect(rest == Array(expected.dropFirst(before.count)), "\(name)")
    }
    try running.stop()
    let written = try running.output()
    for name in ["b", "c"] {
      #expect(
        written.filter { $0.stream == name }.map(\.number)
          == (cut..<input.count).map(UInt64.init), "\(name)")
    }
  }

  @Test func aResetZeroesTheState() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    try client.hello()
    let control = try running.control()
    let fresh = try undisturbed(.text("ell"), client)
    _ = try begin(.text("hell"), to: 4, of: "a", client, control)
    let reset = try control.done(#"{"do":"streams.reset","stream":"a"}"#)
    #expect(reset.number("expected") == 4)
    let peek = try control.done(#"{"do":"streams.peek","stream":"a"}"#)
    #expect(peek.number("expected") == 4)
    try client.send(.text("ell"), to: "a", number: 4, flags: .end)
    #expect(rows(try client.answersToEnd(of: "a")) == fresh)
    try running.stop()
  }

  @Test func aPeekShowsTheAnswerAndTheState() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    try client.hello()
    let control = try running.control()
    let expected = try undisturbed(.text("hello"), client)
    let before = try begin(.text("hello"), to: 3, of: "a", client, control)
    let peek = try control.done(#"{"do":"streams.peek","stream":"a","state":true}"#)
    #expect((peek.json["answer"] as? [String: Any])?["label"] as? String == "l")
    #expect((peek.json["answer"] as? [String: Any])?["number"] as? Int == 2)
    let state = try #require(peek.json["state"] as? [String: [Double]])
    #expect(state.count == 1 && state.values.first?.count == 8)
    #expect(state.values.first?.contains { $0 != 0 } == true)
    // Nothing has moved.
    let rest = try finish(.text("hello"), from: 3, of: "a", client)
    #expect(before + rest == expected)
    try running.stop()
  }

  @Test(arguments: [nil, "os"])
  func aStreamIsRewoundToACheckpoint(durability: String?) throws {
    var text = PipelineText.hello
    if durability == nil { text.more = ["state: { keep: 5, checkpoint: 20ms }"] }
    let running = try RunningPipeline(text, durability: durability, keep: 5)
    let client = try running.client()
    try client.hello()
    let control = try running.control()
    let expected = try undisturbed(.text("hello"), client)
    let before = try begin(.text("hello"), to: 2, of: "a", client, control)
    // The next round of checkpoints has it.
    let deadline = Deadline.standard
    var kept: [Int] = []
    while !kept.contains(2), !deadline.hasPassed {
      let show = try control.done(#"{"do":"streams.show","stream":"a"}"#)
      kept = show.json["kept"] as? [Int] ?? []
    }
    #expect(kept.contains(2))
    try client.send(.text("l"), to: "a", number: 2)
    _ = try client.answers(of: "a", steps: 1)
    let none = try control.ask(#"{"do":"streams.rewind","stream":"a","to":1}"#)
    #expect(none.code == "no-checkpoint", "\(none.text)")
    let ahead = try control.ask(#"{"do":"streams.rewind","stream":"a","to":99}"#)
    #expect(ahead.code == "no-checkpoint")
    #expect(ahead.message.contains("99 lies ahead of it"))
    let rewound = try control.done(#"{"do":"streams.rewind","stream":"a","to":2}"#)
    #expect(rewound.number("expected") == 2)
    #expect(rewound.number("was") == 3)
    // The sender is told where to go on.
    try client.send(.text("l"), to: "a", number: 3)
    let refusal = try client.receive(.refuse, of: "a").refusal()
    #expect(refusal.code == .gap && refusal.expected == "2")
    if durability != nil { try running.crash(0) }
    let second = try running.client()
    #expect(try second.hello(["a": nil]).streams["a"]?.expected == 2)
    let rest = try finish(.text("hello"), from: 2, of: "a", second)
    #expect(before + rest == expected)
    try running.stop()
  }

  @Test func aStreamIsParkedAtOnce() throws {
    let running = try RunningPipeline(.hello, durability: "os")
    let client = try running.client()
    try client.hello()
    let control = try running.control()
    let expected = try undisturbed(.text("hello"), client)
    let before = try begin(.text("hello"), to: 3, of: "a", client, control)
    #expect(
      try control.done(#"{"do":"streams.park","stream":"a"}"#).text("phase") == "parked")
    let show = try control.done(#"{"do":"streams.show","stream":"a"}"#)
    #expect(show.text("phase") == "parked")
    #expect(before + (try finish(.text("hello"), from: 3, of: "a", client)) == expected)
    try running.stop()
    let plain = try RunningPipeline(.hello)
    let other = try plain.client()
    try other.send(.text("h"), to: "a", number: 0)
    _ = try other.answers(of: "a", steps: 1)
    #expect(try plain.control().ask(#"{"do":"streams.park","stream":"a"}"#).code == "no-store")
    try plain.stop()
  }

  @Test func anIdleStreamExpires() throws {
    var text = PipelineText.hello
    text.more = ["state: { expire-after: 200ms }"]
    let running = try RunningPipeline(text, isTapped: true)
    let events = try TapSubscriber(
      running.monitor, topic: "tap/daemon/events/", queueMessages: 0)
    let client = try running.client()
    try client.hello()
    try client.send(.text("he"), to: "a", number: 0)
    // The END of nobody is answered like any other.
    let answers = try client.answersToEnd(of: "a")
    #expect(rows(answers).count == 2)
    try client.send(.text("l"), to: "a", number: 2)
    #expect(try client.receive(.refuse, of: "a").refusal().code == .closed)
    let deadline = Deadline.standard
    while true {
      let event = try #require(try events.receive(within: deadline.remaining))
      if String(decoding: event.payload, as: UTF8.self).contains("\"expired\"") { break }
    }
    try running.stop()
  }

  /// Also one that was parked before, by a daemon that was killed meanwhile.
  @Test func aParkedStreamExpires() throws {
    let running = try RunningPipeline(.hello, durability: "os", expireAfter: "600ms")
    let client = try running.client()
    try client.hello()
    let control = try running.control()
    _ = try begin(.text("he"), to: 2, of: "a", client, control)
    try control.done(#"{"do":"streams.park","stream":"a"}"#)
    try running.crash(0)
    let again = try running.control()
    let deadline = Deadline.standard
    var phase: String?
    while phase != "ended", !deadline.hasPassed {
      phase = try again.done(#"{"do":"streams.show","stream":"a"}"#).text("phase")
    }
    #expect(phase == "ended")
    try running.stop()
    #expect(try running.output().map(\.number) == [0, 1])
  }

  // MARK: Refusals

  @Test func whatCannotGoOnHereIsRefusedByName() throws {
    let hello = try RunningPipeline(.hello)
    let motion = try RunningPipeline(.motion)
    let client = try hello.client()
    try client.send(.text("hel"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 3)
    let control = try hello.control()
    let file = try #require(
      try control.done(#"{"do":"streams.export","stream":"a"}"#).attachment)
    func refused(_ json: String, _ file: [UInt8]?, _ peer: ControlPeer) throws -> String {
      let reply = try peer.ask(json, file: file)
      #expect(!reply.isDone, "\(reply.text)")
      return "\(reply.code): \(reply.message)"
    }
    let other = try refused(#"{"do":"streams.import"}"#, file, motion.control())
    #expect(other.hasPrefix("mismatch: the checkpoint is of the model sha256:"))
    #expect(other.components(separatedBy: "sha256:").count == 3)
    #expect(try refused(#"{"do":"streams.import"}"#, file, control).hasPrefix("already-open: a is"))
    #expect(try refused(#"{"do":"streams.import","as":"x/y"}"#, file, control).hasPrefix("bad-"))
    #expect(try refused(#"{"do":"streams.import"}"#, nil, control).hasPrefix("bad-file: "))
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<200 {
      var damaged = file
      if Bool.random(using: &generator) {
        damaged[Int.random(in: damaged.indices, using: &generator)] ^= 1
      } else {
        damaged.removeLast(Int.random(in: 1..<damaged.count, using: &generator))
      }
      let reply = try control.ask(#"{"do":"streams.import","as":"c"}"#, file: damaged)
      #expect(!reply.isDone && reply.code != "", "\(reply.text)")
    }
    #expect(try control.done(#"{"do":"streams.import","replace":true}"#, file: file).isDone)
    #expect(try control.ask(#"{"do":"streams.moved","stream":"a","to":"x"}"#).code == "not-held")
    try hello.stop()
    try motion.stop()
  }

  @Test func theCommandExportsAndImports() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    try client.send(.text("hel"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 3)
    let export = try ChildProcess.run(["streams", "export", running.file, "a"])
    #expect(export.exitCode == 0)
    let copy = try ChildProcess.run(
      ["streams", "import", running.file, "--as", "b"], input: export.output)
    #expect(copy.exitCode == 0)
    #expect(copy.outputLines.first?.hasPrefix(#"{"stream":"b","expected":3,"steps":3,"#) == true)
    let damaged = try ChildProcess.run(
      ["streams", "import", running.file, "--as", "c"], input: Array(export.output.dropLast()))
    #expect(damaged.exitCode == 65)
    #expect(damaged.errorLines.count == 1)
    #expect(damaged.errorLines[0].contains("this is no whole checkpoint file"))
    try running.stop()
  }
}
