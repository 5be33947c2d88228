import Recurrence
import Testing

@testable import Millrace

/// Pipeline files: defaults, and what is said of a wrong one.
struct PipelineFileTests {
  private func message(_ text: String) -> String {
    do {
      let file = try PipelineFile(text: text, path: "/p/x.yaml")
      return "read \(file.name)"
    } catch {
      return "\(error)"
    }
  }

  @Test func onlyTheModelIsRequired() throws {
    let file = try PipelineFile(text: "model: m.keras\n", path: "/p/x.yaml")
    #expect(file.name == "x")
    #expect(file.model == "/p/m.keras")
    #expect(file.ingress.hasPrefix("ipc://") && file.ingress.hasSuffix("/x"))
    #expect(file.tokenizer == TokenizerSection())
    #expect(file.inference == PipelineFile.InferenceSection())
    #expect(file.inference.batch == 64 && file.inference.linger == 0)
    #expect(file.precision == .f32)
    #expect(file.emit == .eachStep)
    #expect(file.top == 3)
    #expect(file.sink.reply)
  }

  @Test func everyKeyIsRead() throws {
    let file = try PipelineFile(
      text: """
        name: n
        ingress: tcp://127.0.0.1:5550
        tokenizer: { kind: words, vocabulary: [a, b], first-id: 3, unknown: 2, start-token: 1 }
        model: ../m.h5
        precision: int8
        inference: { workers: 2, batch: 8, linger: 50 }
        emit: { every: 5 }
        top: 4
        sink: { publish: "tcp://127.0.0.1:5551", file: out.jsonl, reply: false, values: true }
        state: { reset-every: 128 }
        """, path: "/p/x.yaml")
    #expect(file.name == "n" && file.model == "/m.h5")
    #expect(file.tokenizer.vocabulary == ["a", "b"])
    #expect(file.tokenizer.firstID == 3 && file.tokenizer.startToken == 1)
    #expect(file.tokenizer.unknown == .id(2))
    #expect(file.precision == .int8)
    #expect(file.inference == .init(workers: 2, batch: 8, linger: 50))
    #expect(file.emit == .every(5) && file.top == 4)
    #expect(file.sink.file == "out.jsonl" && !file.sink.reply && file.sink.values)
    #expect(file.resetEvery == 128)
  }

  @Test(arguments: [
    ("modle: m.keras", "/p/x.yaml:1:1: unknown key \"modle\""),
    ("modle: m.keras", "did you mean \"model\""),
    ("name: x", "\"model\""),
    ("model: m\nprecision: fp16", "/p/x.yaml:2:12: \"precision\" is \"fp16\""),
    ("model: m\nprecision: fp16", "f32, bf16, int8"),
    ("model: m\ninference: { linger: -1 }", "\"inference.linger\" is \"-1\""),
    ("model: m\ninference: { workers: two }", "/p/x.yaml:2:23: \"inference.workers\""),
    ("model: m\nemit: sometimes", "expected each-step, at-end, { every: N } or { generate: ... }"),
    ("model: m\ntokenizer: { kind: characters }", "\"tokenizer.vocabulary\" is missing"),
    ("model: m\ntokenizer: { kind: values, lowercase: true }", "does not go with kind: values"),
    ("model: m\ntokenizer: { kind: bytes, vocabulary: [a] }", "does not go with kind: bytes"),
    ("model: m\ntokenizer: { kind: byte }", "did you mean \"bytes\""),
    (
      "model: m\ntokenizer: { kind: keras-tokenizer }",
      "2:12: \"tokenizer.file\" is missing; kind: keras-tokenizer needs it"
    ),
    (
      "model: m\ntokenizer: { kind: text-vectorization, vocabulary: v.txt }",
      "\"tokenizer.file\" is missing"
    ),
    (
      "model: m\ntokenizer: { kind: huggingface, file: t.json, start-token: 1 }",
      "\"tokenizer.start-token\" does not go with kind: huggingface"
    ),
    ("model: m\ntokenizer: { kind: hugging-face, file: t }", "did you mean \"huggingface\""),
    (
      "model: m\ntokenizer: { kind: sentencepiece, file: t, lowercase: true }",
      "does not go with kind: sentencepiece"
    ),
    ("model: m\ntokenizer: { kind: values, lag: [1, 0] }", "\"tokenizer.lag\" holds 0.0"),
    ("model: m\ntokenizer: { kind: values, resample: { evry: 1 } }", "did you mean \"every\""),
    ("model: m\ntokenizer: { kind: values, begin: skp }", "did you mean \"skip\""),
    ("model: m\ntokenizer: { kind: frames }", "\"tokenizer.shape\" has 0 numbers"),
    ("model: m\ntokenizer: { kind: text-vectorization, fil: a }", "did you mean \"file\""),
    ("model: m\nname: a/b", "is \"a/b\""),
    ("model: m\nmodel: n", "model"),
    ("model: [1", "/p/x.yaml"),
  ])
  func aFaultIsNamedWithItsPlace(text: String, words: String) {
    let said = message(text)
    #expect(said.contains(words), "\(said)")
    #expect(!said.contains("\n"), "\(said)")
  }

  @Test(arguments: [
    ("modle", "model"), ("labls", "labels"), ("tokeniser", "tokenizer"), ("zebra", nil),
  ])
  func theNearestNameIsFound(name: String, nearest: String?) {
    let known = ["model", "labels", "tokenizer", "sink", "monitor"]
    #expect(NearestName.of(name, among: known) == nearest)
  }

  @Test func variablesAreFilledIn() throws {
    let variables = ["A": "1", "EMPTY": ""]
    #expect(try Environment.expand("x${A}y", variables: variables) == "x1y")
    #expect(try Environment.expand("${B:-2}${EMPTY:-3}", variables: variables) == "23")
    #expect(throws: Environment.Missing.self) {
      try Environment.expand("${B}", variables: variables)
    }
    #expect(throws: Environment.Missing.self) {
      try Environment.expand("${A", variables: variables)
    }
  }
}
