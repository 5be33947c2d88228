import ArgumentParser
import Foundation
import Logging
import Millrace

struct TestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run the cases in NAME.test.yaml beside each pipeline.",
    discussion: """
      Exits with 1 when a case fails. --update shows what would change in the files of expected \
      lines, and writes it when that is confirmed; lines that are right within the case's tolerance \
      stay as they are.

      EXAMPLES:
        millrace test Pipelines/*.yaml
        millrace test Pipelines/*.yaml --junit results.xml
        millrace test Pipelines/hello.yaml --update
      """)

  @Argument(
    help: "Pipeline files; their .test.yaml files among them are passed over.",
    completion: .file(extensions: ["yaml"]))
  var pipelines: [String]

  @Option(
    help: "Also write the results as JUnit XML.", completion: .file(extensions: ["xml"]))
  var junit: String?

  @Flag(help: "Show what is answered instead of the expected lines, and offer to keep it.")
  var update = false

  @Flag(help: "With --update: write without asking, also where nobody could be asked.")
  var yes = false

  /// Lines of a difference that are shown.
  private static let shownLines = 40

  func validate() throws {
    if yes, !update { throw ValidationError("--yes goes with --update.") }
    if let path = pipelines.first, pipelines.allSatisfy({ $0.hasSuffix(".test.yaml") }) {
      throw ValidationError(
        "\(path) holds cases; expected the pipeline file beside it, "
          + "\(path.dropLast(".test.yaml".count)).yaml.")
    }
  }

  func run() async throws {
    var report = JUnitReport()
    let interruption = await CrashedDaemon.endAllWhenInterrupted()
    defer { interruption.cancel() }
    var failures = 0
    var status: ExitStatus?
    for path in pipelines where !path.hasSuffix(".test.yaml") {
      var suite = JUnitReport.Suite(name: path)
      do {
        try KernelChoice.check()
        failures += try await run(path, &suite)
      } catch {
        complain("\(error)")
        suite.error = "\(error)"
        status = status ?? ExitStatus(error)
      }
      report.suites.append(suite)
    }
    if let junit {
      try await failing { try OutputFile.write(Array(report.text.utf8), to: junit) }
    }
    if let status { throw ExitCode(status.rawValue) }
    if failures > 0 { throw ExitCode(ExitStatus.verdict.rawValue) }
  }

  /// Returns how many cases failed.
  private func run(_ path: String, _ suite: inout JUnitReport.Suite) async throws -> Int {
    var file = try PipelineFile(readingFrom: path)
    let test = try TestFile(besidePipeline: path)
    file.sink.values = true
    let pipeline = try PipelineBuilder(file).build()
    let run = TestRun(
      pipeline: pipeline,
      logger: Logger(label: "millrace") { _ in KeyValueLogHandler(logLevel: .error) })
    var failures = 0
    for test in test.cases {
      let result = try await run.run(test)
      suite.results.append(result)
      let title = "\(file.name): \(result.name)"
      guard let difference = result.verdict.difference else {
        print("passed  \(title) (\(result.verdict.lines) answers\(variations(of: result)))")
        continue
      }
      print("FAILED  \(title)\n        \(difference)")
      if update, try keep(test, result) { continue }
      failures += 1
    }
    return failures
  }

  private func variations(of result: TestRun.Result) -> String {
    guard result.variations > 0 else { return "" }
    let crashes = result.crashes > 0 ? ", killed \(result.crashes) times" : ""
    return ", \(result.variations) variations the same bits\(crashes)"
  }

  /// Shows what would change, and writes it if that is wanted; whether it was written.
  private func keep(_ test: TestFile.Case, _ result: TestRun.Result) throws -> Bool {
    guard let update = try ExpectedUpdate(test, result) else {
      print("        nothing to update: the lines are right, or stand in the case itself")
      return false
    }
    for line in update.difference.prefix(TestCommand.shownLines) { print("        \(line)") }
    if update.difference.count > TestCommand.shownLines {
      print("        and \(update.difference.count - TestCommand.shownLines) lines more")
    }
    if let obstacle = update.obstacle {
      print("        not written: \(obstacle)")
      return false
    }
    guard yes || asks(about: update.path) else {
      print("        not written\(isatty(STDIN_FILENO) == 1 ? "" : "; say --yes to write it")")
      return false
    }
    try update.write()
    print("        wrote \(update.path)")
    return true
  }

  private func asks(about path: String) -> Bool {
    guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { return false }
    FileHandle.standardOutput.write(Data("        write \(path)? [y/N] ".utf8))
    return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
  }
}
