import ArgumentParser
import Millrace

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check pipeline files: keys, files, shapes and vocabulary through every edge.",
    discussion: """
      Exits with 78 when a file is wrong, 66 when it is missing; nothing is started.

      EXAMPLES:
        millrace check Pipelines/*.yaml
      """)

  @Argument(help: "Pipeline files.", completion: .file(extensions: ["yaml"]))
  var pipelines: [String]

  func run() async throws {
    var status: ExitStatus?
    for path in pipelines where !path.hasSuffix(".test.yaml") {
      do {
        let pipeline = try PipelineBuilder(try PipelineFile(readingFrom: path)).build()
        try pipeline.file.checkOutput()
        try pipeline.file.checkStore()
        try pipeline.file.checkKeys()
        for warning in pipeline.warnings { complain("warning: \(warning)") }
        print("\(path): fine (\(pipeline.edges))")
      } catch {
        complain(of: error)
        // A wrong file counts for more than one that is not there.
        let found = ExitStatus(error)
        if status == nil || found == .badConfiguration { status = found }
      }
    }
    if let status { throw ExitCode(status.rawValue) }
  }
}
