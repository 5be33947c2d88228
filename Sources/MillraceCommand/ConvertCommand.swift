import ArgumentParser
import Foundation
import Millrace
import ModelFiles

struct ConvertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract:
      "Write a model as a .millrace file: one file, loaded in milliseconds, that proves itself.",
    discussion: """
      The file holds the architecture, the weights, where they came from, and answers to a probe \
      that every load checks bit by bit.

      EXAMPLES:
        millrace model convert model.keras model.millrace --labels labels.txt
      """)

  @OptionGroup var model: ModelArgument

  @Argument(help: "Where to write it.", completion: .file())
  var output: String

  @Option(help: "Names of the classes, one a line, to be kept in the file.", completion: .file())
  var labels: String?

  @Flag(help: "Overwrite a file that exists.")
  var force = false

  func run() async throws {
    try await failing {
      let byteCount = try write()
      // Its source is no longer in memory.
      let converted = try loadModel(at: output, forSteppingOnly: true)
      print("wrote \(output): \(byteCount) bytes, sha256:\(converted.sha256Text)")
    }
  }

  /// - Returns: the size of the file.
  private func write() throws -> Int {
    let loaded = try model.load()
    let names = try labels.map { try PipelineDraft.labels(of: $0, for: loaded) }
    guard force || !FileManager.default.fileExists(atPath: output) else {
      throw FileFailure("\(output) exists; name another file, or say --force")
    }
    let content = try MillraceModelFile.content(of: loaded, labels: names)
    try OutputFile.write(to: output) { content.write(to: $0) }
    return content.byteCount
  }
}
