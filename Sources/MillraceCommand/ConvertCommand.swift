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
      let loaded = try model.load()
      let names = try labels.map(ConvertCommand.lines)
      if let names, names.count != loaded.model.outputWidth {
        throw FileFailure(
          "\(labels ?? "") has \(names.count) labels, expected \(loaded.model.outputWidth)")
      }
      guard force || !FileManager.default.fileExists(atPath: output) else {
        throw FileFailure("\(output) exists; name another file, or say --force")
      }
      let content = try MillraceModelFile.content(of: loaded, labels: names)
      try Self.write(content, to: output)
      let converted = try loadModel(at: output, forSteppingOnly: true)
      print("wrote \(output): \(content.byteCount) bytes, sha256:\(converted.sha256Text)")
    }
  }

  /// Whole or not at all: beside it first, then in its place.
  private static func write(_ content: MillraceModelContent, to output: String) throws {
    let beside = "\(output).\(ProcessInfo.processInfo.processIdentifier)"
    let descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    var code = descriptor < 0 ? errno : content.write(to: descriptor)
    if descriptor >= 0 && close(descriptor) != 0 && code == 0 { code = errno }
    if code == 0 && rename(beside, output) != 0 { code = errno }
    guard code == 0 else {
      if descriptor >= 0 { unlink(beside) }
      throw FileFailure("\(output): cannot be written: \(String(cString: strerror(code)))")
    }
  }

  private static func lines(of path: String) throws -> [String] {
    guard let data = FileManager.default.contents(atPath: path),
      let text = String(data: data, encoding: .utf8)
    else { throw FileFailure("\(path): cannot be read as UTF-8; expected one entry a line") }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    while lines.last == "" { lines.removeLast() }
    return lines
  }
}
