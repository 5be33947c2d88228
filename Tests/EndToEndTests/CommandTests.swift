import Foundation
import Glibc
import Testing

/// The command line: exit codes, and one line about each error.
struct CommandTests {
  private static let hello = Checkout.path("Pipelines/hello.yaml")
  private static let model = Checkout.path("Fixtures/hello/model.keras")
  private static let input = Checkout.path("Fixtures/hello/input.jsonl")

  struct Fault: CustomTestStringConvertible {
    let arguments: [String]
    let code: Int32
    let says: [String]

    init(_ code: Int32, _ arguments: [String], _ says: String...) {
      (self.arguments, self.code, self.says) = (arguments, code, says)
    }

    var testDescription: String { arguments.joined(separator: " ") }
  }

  private static let faults = [
    Fault(64, ["rnu", "x.yaml"], "\"rnu\"", "did you mean \"millrace run\""),
    Fault(64, ["model", "inspcet"], "\"inspcet\"", "did you mean \"millrace model inspect\""),
    Fault(64, ["pipe"], "pipeline"),
    Fault(64, ["pipe", hello, "--csv", "--text"], "--csv", "--text"),
    Fault(64, ["tap", hello, "--from", "garbage"], "--from", "\"garbage\"", "tcp://HOST:PORT"),
    Fault(64, ["help", "rnu"], "did you mean \"millrace run\""),
    Fault(64, ["tap", hello, "inferense/output"], "did you mean \"inference/output\""),
    Fault(64, ["tap", hello, "--every", "2", "--at-most", "3"], "--every", "--at-most"),
    Fault(64, ["record", hello], "--output", "--fixture"),
    Fault(78, ["record", hello, "--output", "/no/such/r.jsonl"], "\"monitor\" is missing"),
    Fault(
      64, ["replay", input, hello, "--speed", "fast"], "'fast'", "--speed", "500", "2x", "max"),
    Fault(64, ["replay", input, hello, "--speed", "0"], "'0'", "steps a second above 0"),
    Fault(64, ["replay", input, hello, "--cut", "x"], "'x'", "--cut", "expected a number"),
    Fault(64, ["tap", hello, "--limit", "1.5"], "'1.5'", "--limit", "expected a whole number"),
    Fault(64, ["top", hello, "--limit", "0"], "--limit is 0", "1 or more"),
    Fault(64, ["record", hello, "--output", "r", "--seconds", "0"], "--seconds", "above 0"),
    Fault(64, ["streams", "fork", hello, "a", "x y"], "'x y'", "<copy>", "leave out \" \""),
    Fault(64, ["pipe", hello, "--stream", ""], "--stream", "1 to 128", "it is empty"),
    Fault(64, ["record", hello, "no*pe*", "--output", "r.jsonl"], "'no*pe*'", "one * behind it"),
    Fault(64, ["tap", hello, "--stream", "a/b*"], "'a/b*'", "leave out \"/\""),
    Fault(65, ["replay", input, hello, "--expect", input], "input.jsonl:1", "no \"number\""),
    Fault(65, ["replay", "/dev/null", hello], "/dev/null: holds no input", "record --output"),
    Fault(65, ["replay", input, hello, "--expect", "/dev/null"], "holds no answers", "--answers"),
    Fault(74, ["keygen", "/no/such/k.key"], "/no/such/k.key: cannot be made", "expected a folder"),
    Fault(74, ["keygen", hello], "hello.yaml: exists already", "name a new file"),
    Fault(66, ["keygen", "--show", "/no/such.key"], "/no/such.key", "does not exist"),
    Fault(
      65, ["replay", input, hello, "--speed", "1x"], "says nowhere when its lines came"),
    Fault(66, ["replay", input, hello, "--against", "/no/such"], "/no/such", "does not exist"),
    Fault(64, ["send", hello, "--to", "inproc://a"], "--to", "no other process"),
    Fault(66, ["replay", "/no/such.jsonl", hello], "/no/such.jsonl", "does not exist"),
    Fault(66, ["replay", input, hello, "--expect", "/no/such"], "/no/such", "does not exist"),
    Fault(66, ["check", "/no/such.yaml"], "/no/such.yaml", "does not exist"),
    Fault(66, ["test", "/no/such.yaml"], "/no/such.yaml", "does not exist"),
    Fault(66, ["model", "run", model, "--input", "/no/such"], "/no/such", "does not exist"),
    Fault(74, ["model", "run", model, "--input", "/"], "/: ", "Is a directory"),
    Fault(66, ["init", model, "--labels", "/no/such", "--output", "-"], "/no/such"),
    Fault(
      65,
      [
        "init", model, "--labels", Checkout.path("Fixtures/bad/labels-too-few.txt"),
        "--output", "-",
      ], "3 labels", "expected 5"),
    Fault(65, ["init", model, "--vocabulary", model, "--output", "-"], "not UTF-8"),
    Fault(
      74, ["init", model, "--output", "/no/such/p.yaml"], "/no/such/p.yaml", "cannot be written"),
    Fault(
      74, ["model", "convert", model, "/no/such/m.millrace"], "m.millrace", "cannot be written"),
  ]

  @Test(arguments: faults)
  func aFaultIsOneLineAndItsExitCode(fault: Fault) throws {
    let process = try ChildProcess.run(fault.arguments)
    #expect(process.exitCode == fault.code)
    #expect(process.output.isEmpty)
    #expect(process.errorLines.count == 1, "\(process.errorLines)")
    let line = process.errorLines.first ?? ""
    for words in ["millrace: "] + fault.says {
      #expect(line.contains(words), "expected \(words) in: \(line)")
    }
  }

  @Test func aBadLineOfARecordingIsBadData() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "r.jsonl", "{\"stream\":\"a\",\"text\":\"h\"}\r\n\r\n{\"stream\":\r\n")
    let process = try ChildProcess.run(["replay", path, Self.hello])
    #expect(process.exitCode == 65)
    #expect(process.errorLines.count == 1)
    #expect(process.errorLines.first?.contains("r.jsonl:3: ") == true)
  }

  @Test func inputThatIsAFolderIsSaid() throws {
    let process = try ChildProcess(["model", "run", Self.model, "--input", "/"])
    #expect(try process.waitForExit() == 74)
    // As `pipe PIPELINE < FOLDER`, which the shell opens.
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: Checkout.millrace)
    shell.arguments = ["pipe", Self.hello]
    let errors = Pipe()
    shell.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/"))
    shell.standardError = errors
    try shell.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 74)
    #expect(said.contains("standard input: cannot be read: Is a directory"), "\(said)")
  }

  /// Files with Windows line ends give what those with line feeds give.
  @Test func windowsLineEndsChangeNothing() throws {
    let folder = try TemporaryFolder()
    func windows(_ name: String, _ file: String) throws -> String {
      try folder.write(name, try Checkout.text(file).replacing("\n", with: "\r\n"))
    }
    let recording = try windows("in.jsonl", "Fixtures/hello/input.jsonl")
    let expected = try windows("out.jsonl", "Fixtures/hello/expected.jsonl")
    let replay = try ChildProcess.run(
      ["replay", recording, Self.hello, "--expect", expected, "--atol", "1e-5"])
    #expect(replay.exitCode == 0, "\(replay.errorLines)")
    #expect(replay.outputLines.contains { $0.contains("answers compared") && !$0.hasSuffix(" 0") })
    let pipe = try ChildProcess.run(["pipe", Self.hello], input: "he\r\nll\r\n")
    #expect(pipe.exitCode == 0)
    #expect(
      pipe.outputLines == (try ChildProcess.run(["pipe", Self.hello], input: "hell")).outputLines)
    let vocabulary = try windows("v.txt", "Fixtures/hello/vocabulary.txt")
    let draft = try ChildProcess.run([
      "init", Self.model, "--vocabulary", vocabulary, "--output", "-",
    ])
    #expect(draft.exitCode == 0)
    #expect(draft.outputLines.contains { $0.contains("kind: characters") })
  }

  @Test func theVersionIsTheSameEverywhere() throws {
    let process = try ChildProcess.run(["--version"])
    #expect(process.exitCode == 0)
    let version = try #require(process.outputLines.first)
    #expect(version.wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+/) != nil)
    let client = try Checkout.text("Clients/python/millrace/__init__.py")
    #expect(client.contains("\n__version__ = \"\(version)\"\n"))
    #expect(try Checkout.text("CHANGELOG.md").contains("## \(version)"))
  }

  @Test(arguments: [["--help"], ["doctor"], ["check", Checkout.path("Pipelines/hello.yaml")]])
  func outputOnAFullDiskFails(arguments: [String]) throws {
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(filePath: Checkout.millrace)
    process.arguments = arguments
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 74)
    #expect(
      text.hasSuffix("cannot write to standard output: No space left on device (28)\n"), "\(text)")
  }

  @Test func aDaemonEndsWithItsInputWhereThatIsAskedFor() throws {
    let folder = try TemporaryFolder()
    try folder.write("p.yaml", PipelineText.hello.text(ingress: "ipc://\(folder.file("in"))"))
    let daemon = try ChildProcess(["run", folder.file("p.yaml"), "--until-input-ends"])
    try daemon.read(until: "it is ready") { $0.errorLines.contains { $0.contains("msg=ready") } }
    daemon.closeInput()
    #expect(try daemon.waitForExit() == 0)
  }

  @Test func helpNamesTheDefaultStream() throws {
    let help = try ChildProcess.run(["pipe", "--help"])
    #expect(help.exitCode == 0)
    #expect(String(decoding: help.output, as: UTF8.self).contains("(default: stdin)"))
  }

  // MARK: check and run

  @Test(arguments: [
    (["monitor: INGRESS"], "monitor"),
    (["sink: { publish: \"INGRESS\" }"], "sink.publish"),
    (["monitor: tcp://127.0.0.1:5552", "sink: { publish: \"tcp://localhost:5552\" }"], "monitor"),
    (
      [
        "inference: { workers: 2 }",
        "links: { tokens: \"tcp://127.0.0.1:7000\", answers: \"tcp://127.0.0.1:7001\" }",
      ],
      "worker 1"
    ),
  ])
  func twoUsesOfOneEndpointAreSaid(more: [String], says: String) throws {
    let folder = try TemporaryFolder()
    let ingress = "ipc://\(folder.file("in"))"
    let lines = ["ingress: \(ingress)", "model: \(Self.model)", "tokenizer: { kind: one-hot }"]
    let text = (lines + more).joined(separator: "\n").replacing("INGRESS", with: ingress)
    let check = try ChildProcess.run(["check", try folder.write("p.yaml", text)])
    #expect(check.exitCode == 78)
    #expect(check.errorLines.count == 1)
    #expect(check.errorLines.first?.contains("taken already") == true)
    #expect(check.errorLines.first?.contains(says) == true, "\(check.errorLines)")
  }

  @Test func aSinkFileInAMissingFolderIsSaid() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.sink = ["file: \(folder.file("no/out.jsonl"))"]
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    for command in ["check", "run"] {
      let process = try ChildProcess.run([command, path])
      #expect(process.exitCode == 78)
      #expect(process.errorLines.last?.contains("p.yaml:") == true)
      #expect(process.errorLines.last?.contains("make that folder") == true)
    }
    // A filter writes to no file.
    #expect(try ChildProcess.run(["pipe", path], input: "h").exitCode == 0)
  }

  @Test func aVocabularySmallerThanTheEmbeddingIsAWarningAndALargerOneAnError() throws {
    let folder = try TemporaryFolder()
    let words = try Checkout.lines("Fixtures/topics/vocabulary.txt")
    func check(_ words: [String]) throws -> ChildProcess {
      let vocabulary = try folder.write("v.txt", words.joined(separator: "\n"))
      var pipeline = PipelineText(
        tokenizer:
          "{ kind: words, vocabulary: \(vocabulary), start-token: 1, unknown: 2, first-id: 3 }",
        model: "Fixtures/topics/model.keras")
      pipeline.labels = "Fixtures/topics/labels.txt"
      return try ChildProcess.run(
        ["check", try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))])
    }
    #expect(try check(words).errorLines.isEmpty)
    let smaller = try check(Array(words.dropLast(9)))
    #expect(smaller.exitCode == 0)
    #expect(smaller.errorLines.count == 1)
    #expect(smaller.errorLines.first?.contains("warning: ") == true)
    #expect(smaller.errorLines.first?.contains("p.yaml:2:") == true)
    let larger = try check(words + ["one-more-word"])
    #expect(larger.exitCode == 78)
    #expect(larger.errorLines.first?.contains("rows") == true)
  }

  @Test("fault 30: a port in use names the file and the key")
  func aPortInUseNamesTheFileAndTheKey() throws {
    let folder = try TemporaryFolder()
    let taken = try LoopbackSocket(listeningOn: 0)
    let path = try folder.write(
      "p.yaml", PipelineText.hello.text(ingress: "tcp://127.0.0.1:\(taken.port)"))
    let process = try ChildProcess.run(["run", path])
    #expect(process.exitCode == 69)
    let line = process.errorLines.last ?? ""
    for words in ["millrace: ", "p.yaml:1:", "\"ingress\"", "\(taken.port)", "in use"] {
      #expect(line.contains(words), "expected \(words) in: \(line)")
    }
  }

  // MARK: tap

  @Test(arguments: [SIGINT, SIGTERM])
  func aTapSaysThatItWaitsAndSumsUpWhenItIsStopped(signal: Int32) throws {
    let folder = try TemporaryFolder()
    let tap = try ChildProcess(["tap", Self.hello, "--from", "ipc://\(folder.file("nobody"))"])
    try tap.read(until: "the waiting") {
      $0.errorLines.contains { $0.contains("waiting for ipc://") }
    }
    tap.signal(signal)
    #expect(try tap.waitForExit() == 0)
    #expect(tap.errorLines.last == "millrace: 0 messages, 0 lost")
  }

  @Test func aTapSeesADaemonComeAndGo() throws {
    let running = try RunningPipeline(.hello, isTapped: true)
    let tap = try ChildProcess(["tap", Self.hello, "--from", running.monitor, "tap/"])
    let client = try running.client()
    let deadline = Deadline.standard
    var lives = 0
    while tap.outputLines.isEmpty, !deadline.hasPassed {
      _ = try client.carryOut(Cut.whole(.text("h"), of: "cam-\(lives)"))
      lives += 1
      do {
        try tap.read(until: "a line", deadline: Deadline(seconds: 1)) { !$0.outputLines.isEmpty }
      } catch HarnessError.timedOut {
        continue
      }
    }
    #expect(!tap.outputLines.isEmpty)
    try running.stop()
    try tap.read(until: "its going") { $0.errorLines.contains { $0.contains("has gone") } }
    tap.signal(SIGINT)
    #expect(try tap.waitForExit() == 0)
    #expect(tap.errorLines.last?.hasSuffix("messages, 0 lost") == true)
  }
}
