import ArgumentParser
import Logging
import Millrace

struct TestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run the cases in NAME.test.yaml beside each pipeline.",
    discussion: """
      Exits with 1 when a case fails.

      EXAMPLES:
        millrace test Pipelines/*.yaml
      """)

  @Argument(
    help: "Pipeline files; their .test.yaml files among them are passed over.",
    completion: .file(extensions: ["yaml"]))
  var pipelines: [String]

  func run() async throws {
    var failures = 0
    for path in pipelines where !path.hasSuffix(".test.yaml") {
      try await failing { failures += try await run(path) }
    }
    if failures > 0 { throw ExitCode(ExitStatus.verdict.rawValue) }
  }

  /// Returns how many cases failed.
  private func run(_ path: String) async throws -> Int {
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
      let title = "\(file.name): \(result.name)"
      if let difference = result.verdict.difference {
        failures += 1
        print("FAILED  \(title)\n        \(difference)")
      } else {
        let variations =
          result.variations > 0 ? ", \(result.variations) variations the same bits" : ""
        print("passed  \(title) (\(result.verdict.lines) answers\(variations))")
      }
    }
    return failures
  }
}
