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
