import ArgumentParser
import Millrace

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check pipeline files: keys, files, shapes and vocabulary through every edge.",
    discussion: "Exits with 78 when a file is wrong; nothing is started.")

  @Argument(help: "Pipeline files.", completion: .file(extensions: ["yaml"]))
  var pipelines: [String]

  func run() async throws {
    var isBad = false
    for path in pipelines where !path.hasSuffix(".test.yaml") {
      do {
        let pipeline = try PipelineBuilder(try PipelineFile(readingFrom: path)).build()
        print("\(path): fine (\(pipeline.edges))")
      } catch {
        isBad = true
        complain("\(error)")
      }
    }
    if isBad { throw ExitCode(ExitStatus.badConfiguration.rawValue) }
  }
}
