import Testing

/// Pipeline and model files with one fault each: what is said, and the exit code.
struct WrongFileTests {
  struct Fault: CustomTestStringConvertible {
    let file: String
    let code: Int32
    /// What the line has to say: where, what, what to do.
    let says: [String]

    init(_ file: String, _ code: Int32, _ says: String...) {
      (self.file, self.code, self.says) = (file, code, says)
    }

    var testDescription: String { file }
  }

  static let pipelines = [
    Fault("unknown-key.yaml", 78, ":3:1:", "\"modle\"", "did you mean \"model\""),
    Fault("unknown-tokenizer-key.yaml", 78, ":2:", "lower-case", "\"lowercase\""),
    Fault("key-of-other-kind.yaml", 78, ":2:", "lowercase", "characters"),
    Fault("unknown-kind.yaml", 78, ":2:", "letters", "characters, words"),
    Fault("duplicate-key.yaml", 78, ":3:", "\"model\"", "twice"),
    Fault("duplicate-nested-key.yaml", 78, ":2:", "\"kind\"", "twice"),
    Fault("no-model.yaml", 78, "missing key \"model\""),
    Fault("no-vocabulary.yaml", 78, "tokenizer.vocabulary", "missing"),
    Fault("missing-model.yaml", 78, ":3:", "\"model\"", "there-is-no-such-model.keras"),
    Fault("missing-vocabulary.yaml", 78, ":2:", "vocabulary", "there-is-no-such-file.txt"),
    Fault("missing-labels.yaml", 78, ":4:", "\"labels\"", "there-is-no-such-file.txt"),
    Fault("wrong-type.yaml", 78, ":4:", "inference.batch", "\"many\"", "whole number"),
    Fault("out-of-range.yaml", 78, ":4:", "inference.workers", "\"0\"", "from 1"),
    Fault("not-a-mapping.yaml", 78, "mapping"),
    Fault("not-yaml.yaml", 78, ":3:", "not YAML"),
    Fault("empty.yaml", 78, "empty"),
    Fault("vocabulary-too-long.yaml", 78, ":2:", "6 token ids", "vectors of 5"),
    Fault("vocabulary-duplicate.yaml", 78, "line 4", "\"l\"", "line 3"),
    Fault("vocabulary-empty.yaml", 78, "vocabulary-empty.txt", "no tokens"),
    Fault("vocabulary-not-utf8.yaml", 78, "vocabulary-not-utf8.txt", "UTF-8"),
    Fault("labels-too-few.yaml", 78, ":4:", "3 labels", "expected 5"),
    Fault("scaling-three-channels.yaml", 78, "3 values", "expected 9"),
    Fault("scaling-zero.yaml", 78, "column 4", "0"),
    Fault("scaling-not-json.yaml", 78, "scaling-not-json.json", "JSON"),
    Fault("values-into-embedding.yaml", 78, "values", "token ids"),
    Fault("plaintext-off-host.yaml", 78, ":4:", "0.0.0.0", "allow-plaintext"),
    Fault("ingress-too-long.yaml", 78, ":4:", "125", "107"),
    Fault("truncated-model.yaml", 65, "truncated.keras", "save the model again"),
    Fault("not-streamable.yaml", 65, "bidirectional", "not streamable"),
    Fault("other-model.yaml", 78, ":4:9:", "\"sha256\" is 0000", "another model, or damaged"),
    Fault("not-a-hash.yaml", 78, ":4:9:", "\"sha256\" is \"230eec91\"", "64 hexadecimal digits"),
  ]

  static let models = [
    Fault("truncated.keras", 65, "zip archive"),
    Fault("truncated.h5", 65, "whole HDF5 file"),
    Fault("not-hdf5.h5", 65, "no model file that is known"),
    Fault("not-zip.keras", 65, "no model file that is known"),
    Fault("empty.keras", 65, "empty"),
    Fault("no-config.keras", 65, "config.json"),
    Fault("no-weights.keras", 65, "model.weights.h5"),
    Fault("config-not-json.keras", 65, "not JSON"),
    Fault("weights-truncated.keras", 65, "model.weights.h5", "whole HDF5 file"),
    Fault("wrong-shape.keras", 65, "simple_rnn", "[5, 8]", "9"),
    Fault("unknown-layer.keras", 65, "PeepholeRNN", "not supported"),
  ]

  private func check(_ process: ChildProcess, _ fault: Fault) {
    #expect(process.exitCode == fault.code)
    #expect(process.output.isEmpty)
    #expect(process.errorLines.count == 1, "\(process.errorLines)")
    let line = process.errorLines.last ?? ""
    #expect(line.hasPrefix("millrace: "))
    // A wrong pipeline file is named; otherwise the model file is, which it names.
    let names = fault.code == 78 ? [fault.file] : []
    for words in names + fault.says {
      #expect(line.contains(words), "expected \(words) in: \(line)")
    }
  }

  @Test("fault 30: a wrong pipeline file is told with file, line and key", arguments: pipelines)
  func pipeSaysWhatIsWrongWithAPipelineFile(fault: Fault) throws {
    check(
      try ChildProcess.run(["pipe", Checkout.path("Fixtures/bad/\(fault.file)")], input: "h"),
      fault)
  }

  @Test(arguments: [pipelines[0], pipelines[8], pipelines[27]])
  func runSaysTheSame(fault: Fault) throws {
    check(try ChildProcess.run(["run", Checkout.path("Fixtures/bad/\(fault.file)")]), fault)
  }

  @Test("fault 28: a damaged model file is told in one line", arguments: models)
  func inspectSaysWhatIsWrongWithAModelFile(fault: Fault) throws {
    check(
      try ChildProcess.run(["model", "inspect", Checkout.path("Fixtures/bad/\(fault.file)")]),
      fault)
  }

  @Test(arguments: models)
  func pipeSaysTheSameOfAModelFile(fault: Fault) throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.model = "Fixtures/bad/\(fault.file)"
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    check(try ChildProcess.run(["pipe", path], input: "h"), fault)
  }

  /// The hash that `inspect` prints, in any case of its letters, is the one that `sha256` takes.
  @Test func theModelThatIsMeantRuns() throws {
    let inspected = try ChildProcess.run(
      ["model", "inspect", Checkout.path(PipelineText.hello.model)])
    let hash = try #require(
      inspected.outputLines.first { $0.hasPrefix("sha256") }?.split(separator: " ").last)
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.more = ["sha256: \(hash.uppercased())"]
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let process = try ChildProcess.run(["pipe", path], input: "hell")
    #expect(process.exitCode == 0, "\(process.errorLines)")
    #expect(process.outputLines.count == 4)
  }

  @Test func aFileThatDoesNotExistIsSaid() throws {
    let process = try ChildProcess.run(["pipe", "there-is-no-such-pipeline.yaml"])
    check(
      process,
      Fault("there-is-no-such-pipeline.yaml", 66, "there-is-no-such-pipeline", "does not exist"))
  }

  @Test func aStageWithoutLinksIsSaid() throws {
    let process = try ChildProcess.run(
      ["stage", "sink", Checkout.path("Pipelines/hello.yaml")])
    check(process, Fault("hello.yaml", 78, "links", "tokens", "answers"))
  }
}
