import Glibc
import Testing
import Wire

/// What a tokenizer stage makes of its worker's words about models that are swapped in.
struct ModelWordsTests {
  private typealias Words = PlayedWorker.ModelWords

  private static let before = Words.StateForm("lstm", ["h", "c"], width: 26)
  private static let after = Words.StateForm("simple_rnn", ["h"], width: 26)

  private let folder: TemporaryFolder
  private let file: String
  private let ingress: String
  private let worker: PlayedWorker
  private let second: ReferenceModel

  init() throws {
    folder = try TemporaryFolder()
    ingress = "ipc://\(folder.file("in"))"
    var pipeline = PipelineText.remember
    let (tokens, answers) = ("ipc://\(folder.file("tokens"))", "ipc://\(folder.file("answers"))")
    pipeline.more = [
      "links: { tokens: \"\(tokens)\", answers: \"\(answers)\" }",
      "state: { store: \(folder.file("state.sqlite")), durability: os }",
    ]
    file = try folder.write("pipeline.yaml", pipeline.text(ingress: ingress))
    worker = try PlayedWorker(tokens)
    second = try ReferenceModel("Fixtures/remember/simplernn.keras")
  }

  /// A stage with another model swapped in.
  private func swapped() throws -> DaemonProcess {
    let stage = try DaemonProcess(["stage", "tokenizer", file])
    let control = try ControlPeer("\(ingress).control", keys: nil)
    try control.send([
      Array(#"{"do":"model.swap","file":"\#(second.path)","policy":"reset"}"#.utf8)
    ])
    var loaded = try worker.words("load")
    loaded.verb = "loaded"
    loaded.models[0].hash = second.hash
    loaded.stateForm = Self.after
    try worker.tell(loaded)
    let reply = try control.receive()
    #expect(reply.isDone && reply.text("model") == second.hash, "\(reply.text)")
    return stage
  }

  private func serving(_ generation: UInt64, _ form: Words.StateForm) -> Words {
    var words = Words(verb: "serving")
    words.generation = generation
    words.stateForm = form
    return words
  }

  /// A word that was under way while the model it speaks of ceased to serve.
  @Test func aLateWordOfTheModelBeforeChangesNothing() throws {
    let stage = try swapped()
    try worker.tell(serving(0, Self.before))
    let client = try WireClient(ingress)
    try client.hello()
    var header = Header(kind: .data)
    header.flags = .start
    (header.elementType, header.count, header.width) = InputData.text("a").shape
    let given = [Float](repeating: 0.5, count: Self.after.count)
    try client.send(parts: [Array("a".utf8), header.bytes, Array("a".utf8), [UInt8](of: given)])
    #expect(try client.refusals().isEmpty)
    var taken = try worker.receive("the first step")
    while taken.header.kind != .data { taken = try worker.receive("the first step") }
    #expect(taken.stream == "a" && taken.ids == [UInt8](of: given))
    try stage.terminate(SIGKILL)
  }

  /// Behind a restart the stage knows the model by its name alone, until a worker has read it.
  @Test func filesWaitUntilAWorkerHasSaidWhatTheModelIsLike() throws {
    try swapped().terminate(SIGKILL)
    let stage = try DaemonProcess(["stage", "tokenizer", file])
    #expect(try worker.words("series").models.map(\.hash).last == second.hash)
    let control = try ControlPeer("\(ingress).control", keys: nil)
    func importing() throws -> String {
      try control.ask(#"{"do":"streams.import","as":"b"}"#, file: [1, 2, 3]).code
    }
    #expect(try importing() == "busy")
    try worker.tell(serving(0, Self.before))
    #expect(try importing() == "busy")
    try worker.tell(serving(1, Self.after))
    #expect(try importing() == "bad-file")
    try stage.waitUntilReady()
    try stage.terminate(SIGKILL)
  }
}
