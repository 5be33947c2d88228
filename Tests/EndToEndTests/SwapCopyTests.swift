import Testing
import Wire

/// Streams taken as a whole behind a hot swap: files name the model that serves, and copies go on as
/// the stream does.
struct SwapCopyTests {
  private static let first = "Fixtures/remember/model.keras"
  private static let same = "Fixtures/swap/other.keras"
  /// Another state: h alone.
  private static let other = "Fixtures/remember/simplernn.keras"

  /// A pipeline with a stream "a" in the middle of its life, and what it would answer.
  private struct Begun {
    let running: RunningPipeline
    let client: WireClient
    let control: ControlPeer
    let second: ReferenceModel
    var reference: ReferenceStream

    init(_ file: String, _ policy: String, durability: String? = nil) throws {
      running = try RunningPipeline(.remember, durability: durability)
      client = try running.client()
      try client.hello()
      control = try running.control()
      second = try ReferenceModel(file)
      reference = ReferenceStream(try ReferenceModel(SwapCopyTests.first))
      try client.send(.text("abcdef"), to: "a", number: 0)
      let rows = try client.answers(of: "a", steps: 6).flatMap(\.rows)
      #expect(rows == SwapCopyTests.steps("abcdef", &reference))
      let swap = try ChildProcess.run([
        "model", "swap", second.path, running.file, "--policy", policy,
      ])
      #expect(swap.exitCode == 0, "\(swap.errorLines)")
    }

    func export() throws -> ControlPeer.Reply {
      try control.ask(#"{"do":"streams.export","stream":"a"}"#)
    }
  }

  private static func steps(_ text: String, _ reference: inout ReferenceStream) -> [[Float]] {
    text.utf8.map { reference.step(Int32($0 - UInt8(ascii: "a"))) }
  }

  /// The rest of a stream, with its END.
  private static func finish(
    _ text: String, from number: UInt64, of stream: String, _ client: WireClient
  ) throws -> [[Float]] {
    try client.send(.text(text), to: stream, number: number, flags: .end)
    return try client.answersToEnd(of: stream).flatMap(\.rows)
  }

  @Test(arguments: [nil, "os"])
  func aCarriedStreamIsOfTheModelThatServes(durability: String?) throws {
    var begun = try Begun(Self.same, "carry", durability: durability)
    let (client, control) = (begun.client, begun.control)
    let reply = try begun.export()
    #expect(reply.isDone, "\(reply.text)")
    let file = try #require(reply.attachment)
    #expect(String(decoding: file.prefix(2048), as: UTF8.self).contains(begun.second.hash))
    try control.done(#"{"do":"streams.import","as":"b"}"#, file: file)
    try control.done(#"{"do":"streams.fork","stream":"a","as":"c"}"#)
    let shown = try control.done(#"{"do":"streams.peek","stream":"a","state":true}"#)
    #expect(shown.text.contains("/c\":["), "\(shown.text)")
    try begun.reference.move(to: begun.second, "carry", rewarm: 0)
    let expected = Self.steps("xyz", &begun.reference)
    for stream in ["b", "c", "a"] {
      #expect(try Self.finish("xyz", from: 6, of: stream, client) == expected, "\(stream)")
    }
    try begun.running.stop()
  }

  /// Until its next step its state is the model's before, which no file is of any more.
  @Test func aStreamThatIsResetHasAFileBehindItsNextStep() throws {
    var begun = try Begun(Self.other, "reset")
    let (client, control) = (begun.client, begun.control)
    let refused = try begun.export()
    #expect(!refused.isDone && refused.text.contains("until its next step"), "\(refused.text)")
    let hidden = try control.ask(#"{"do":"streams.peek","stream":"a","state":true}"#)
    #expect(!hidden.isDone && hidden.text.contains("until its next step"), "\(hidden.text)")
    // A copy goes over as the stream itself does.
    try control.done(#"{"do":"streams.fork","stream":"a","as":"c"}"#)
    try begun.reference.move(to: begun.second, "reset", rewarm: 0)
    try client.send(.text("gh"), to: "a", number: 6)
    let expected = Self.steps("ghxyz", &begun.reference)
    #expect(try client.answers(of: "a", steps: 2).flatMap(\.rows) == Array(expected.prefix(2)))
    #expect(try Self.finish("ghxyz", from: 6, of: "c", client) == expected)
    let file = try #require(try begun.export().attachment)
    try control.done(#"{"do":"streams.import","as":"b"}"#, file: file)
    let shown = try control.done(#"{"do":"streams.peek","stream":"a","state":true}"#)
    #expect(shown.text.contains("/h\":[") && !shown.text.contains("/c\":["), "\(shown.text)")
    for stream in ["a", "b"] {
      let rest = try Self.finish("xyz", from: 8, of: stream, client)
      #expect(rest == Array(expected.suffix(3)), "\(stream)")
    }
    try begun.running.stop()
  }

  // MARK: What files keep for swaps

  private static func swap(
    to model: ReferenceModel, _ policy: String, _ running: RunningPipeline
  ) throws {
    let swap = try ChildProcess.run([
      "model", "swap", model.path, running.file, "--policy", policy,
    ])
    #expect(swap.exitCode == 0, "\(swap.errorLines)")
  }

  /// A daemon that serves the second model from its start.
  private static func another(
    _ file: String, _ more: [String] = [], durability: String? = nil, rewarm: Int? = nil
  ) throws -> RunningPipeline {
    var pipeline = PipelineText.remember
    pipeline.model = file
    pipeline.more = more
    return try RunningPipeline(pipeline, durability: durability, rewarm: rewarm)
  }

  /// Where answers are rarer than steps, the row that END brings may be of a step before a swap that the
  /// stream has not followed yet.
  @Test(arguments: [nil, "os"])
  func theLastRowNamesTheModelOfItsStep(durability: String?) throws {
    let emit = "emit: { every: 4 }"
    var pipeline = PipelineText.remember
    pipeline.more = [emit]
    let running = try RunningPipeline(pipeline, durability: durability)
    let (first, second) = (try ReferenceModel(Self.first), try ReferenceModel(Self.same))
    let other = try Self.another(Self.same, [emit])
    let client = try running.client()
    let control = try running.control()
    try client.hello()
    var reference = ReferenceStream(first)
    let expected = Self.steps("abcdef", &reference)
    for stream in ["a", "parked"] {
      try client.send(.text("abcdef"), to: stream, number: 0)
      #expect(try client.answers(of: stream, steps: 1).flatMap(\.rows) == [expected[3]])
    }
    if durability != nil { try control.done(#"{"do":"streams.park","stream":"parked"}"#) }
    try Self.swap(to: second, "carry", running)
    let file = try #require(
      try control.done(#"{"do":"streams.export","stream":"a"}"#).attachment)
    try control.done(#"{"do":"streams.import","as":"b"}"#, file: file)
    try control.done(#"{"do":"streams.fork","stream":"a","as":"c"}"#)
    try other.control().done(#"{"do":"streams.import","as":"d"}"#, file: file)
    let moved = try ChildProcess.run([
      "streams", "move", running.file, "a", "--to", "\(other.ingress).control",
    ])
    #expect(moved.exitCode == 0, "\(moved.errorLines)")
    // Nothing needs the model before any more: what slept through the swap goes over at once.
    try running.daemon.process.read(until: "the release") {
      $0.errorLines.contains { $0.contains("msg=\"model released\"") && $0.contains(first.hash) }
    }
    let there = try other.client()
    try there.hello()
    for (stream, client) in [
      ("b", client), ("c", client), ("parked", client), ("d", there), ("a", there),
    ] {
      try client.send(.none, to: stream, number: 6, flags: .end)
      let answer = try #require(try client.answersToEnd(of: stream).last)
      #expect(answer.rows == [expected[5]] && answer.header.number == 5, "\(stream)")
      #expect(answer.header.model == first.key, "\(stream)")
    }
    try running.stop()
    try other.stop()
  }

  /// The last inputs go along: a swap over there that replays them finds those from before the move.
  @Test(arguments: [nil, "os"])
  func aStreamFromElsewhereIsRewarmedByItsOwnInputs(durability: String?) throws {
    let running = try RunningPipeline(.remember, rewarm: 6)
    let (first, second) = (try ReferenceModel(Self.first), try ReferenceModel(Self.other))
    let client = try running.client()
    let control = try running.control()
    try client.hello()
    var reference = ReferenceStream(first)
    try client.send(.text("abcde"), to: "a", number: 0)
    #expect(
      try client.answers(of: "a", steps: 5).flatMap(\.rows) == Self.steps("abcde", &reference))
    try Self.swap(to: second, "rewarm", running)
    try reference.move(to: second, "rewarm", rewarm: 6)
    try client.send(.text("fgh"), to: "a", number: 5)
    #expect(
      try client.answers(of: "a", steps: 3).flatMap(\.rows) == Self.steps("fgh", &reference))
    let file = try #require(
      try control.done(#"{"do":"streams.export","stream":"a"}"#).attachment)
    // The one that served it alone, then one that keeps as many, fewer and none.
    try Self.swap(to: first, "rewarm", running)
    var alone = reference
    try alone.move(to: first, "rewarm", rewarm: 6)
    #expect(
      try Self.finish("xyz", from: 8, of: "a", client) == Self.steps("xyz", &alone))
    for rewarm in [6, 3] {
      let other = try Self.another(Self.other, durability: durability, rewarm: rewarm)
      try other.control().done(#"{"do":"streams.import"}"#, file: file)
      if durability != nil { try other.crash(0) }
      try Self.swap(to: first, "rewarm", other)
      var reference = reference
      try reference.move(to: first, "rewarm", rewarm: rewarm)
      let there = try other.client()
      try there.hello()
      #expect(
        try Self.finish("xyz", from: 8, of: "a", there) == Self.steps("xyz", &reference),
        "\(rewarm) inputs")
      try other.stop()
    }
    let none = try Self.another(Self.other)
    try none.control().done(#"{"do":"streams.import"}"#, file: file)
    let there = try none.client()
    try there.hello()
    #expect(
      try Self.finish("xyz", from: 8, of: "a", there) == Self.steps("xyz", &reference))
    try none.stop()
    try running.stop()
  }

  /// A copy that was rewarmed and has taken no step goes over to a third model as its stream does, which slept
  /// through both swaps: whether it was parked, exported or neither.
  @Test func aRewarmedCopyIsRewarmedAgain() throws {
    let running = try RunningPipeline(.remember, durability: "os", rewarm: 3)
    let (first, second) = (try ReferenceModel(Self.first), try ReferenceModel(Self.same))
    let client = try running.client()
    let control = try running.control()
    try client.hello()
    var reference = ReferenceStream(first)
    try client.send(.text("abcdef"), to: "a", number: 0)
    #expect(
      try client.answers(of: "a", steps: 6).flatMap(\.rows) == Self.steps("abcdef", &reference))
    try Self.swap(to: second, "rewarm", running)
    for copy in ["b", "c"] {
      try control.done("{\"do\":\"streams.fork\",\"stream\":\"a\",\"as\":\"\(copy)\"}")
    }
    let file = try control.done(#"{"do":"streams.export","stream":"b"}"#).attachment
    try control.done(#"{"do":"streams.import","as":"d"}"#, file: file)
    try control.done(#"{"do":"streams.park","stream":"c"}"#)
    try Self.swap(to: first, "carry", running)
    try reference.move(to: first, "rewarm", rewarm: 3)
    let expected = Self.steps("xyz", &reference)
    for stream in ["a", "b", "c", "d"] {
      #expect(try Self.finish("xyz", from: 6, of: stream, client) == expected, "\(stream)")
    }
    try running.stop()
  }

  @Test func aDrainedStreamHasNoFile() throws {
    let begun = try Begun(Self.other, "drain")
    let refused = try begun.export()
    #expect(!refused.isDone && refused.text.contains("until it ends"), "\(refused.text)")
    // A new one is of the new model.
    try begun.client.send(.text("abc"), to: "n", number: 0)
    _ = try begun.client.answers(of: "n", steps: 3)
    let file = try begun.control.done(#"{"do":"streams.export","stream":"n"}"#).attachment
    try begun.control.done(#"{"do":"streams.import","as":"m"}"#, file: file)
    var reference = ReferenceStream(begun.second)
    let expected = Self.steps("abcde", &reference)
    for stream in ["n", "m"] {
      let rest = try Self.finish("de", from: 3, of: stream, begun.client)
      #expect(rest == Array(expected.suffix(2)), "\(stream)")
    }
    try begun.running.stop()
  }
}
