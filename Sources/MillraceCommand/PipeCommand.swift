import ArgumentParser
import Foundation
import Millrace
import Wire

struct PipeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pipe",
    abstract: "Standard input through a pipeline to standard output, one JSON line an answer.",
    discussion: """
      Plain text is one stream and is handed on as it is read. Lines that are JSON objects carry \
      {"stream","number"?,"text"|"tokens"|"values","end"?,"reset"?}. End of input ends all streams.

      EXAMPLES:
        printf hell | millrace pipe Pipelines/hello.yaml
        millrace pipe Pipelines/motion.yaml --values < Fixtures/motion/input.jsonl
        millrace pipe Pipelines/hello.yaml --connect --stream cam-1
      """)

  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Option(
    help: "The stream of plain text and of lines that name none. (default: stdin)",
    transform: Reading.stream)
  var stream = StreamID(literal: "stdin")

  @Flag(help: "Add the raw output vector to each line.")
  var values = false

  @Flag(help: "A newline is a step, not only the end of a line.")
  var newlines = false

  @Flag(help: "Lines that start with { are text too.")
  var text = false

  @Flag(help: "Each line is one row of numbers, separated by commas.")
  var csv = false

  @Flag(help: "Use the running daemon at the file's ingress instead of this process.")
  var connect = false

  func validate() throws {
    if csv, text || newlines {
      throw ValidationError(
        "--csv reads rows of numbers, \(text ? "--text" : "--newlines") reads text; keep one.")
    }
  }

  func run() async throws {
    try await failing {
      var file = try argument.file()
      if values { file.sink.values = true }
      let pipeline = try PipelineBuilder(file).build()
      let filter = Filter(
        pipeline: pipeline, connect: connect ? file.ingress : nil,
        keys: connect ? try keys.keys(of: file, for: .ingress, at: file.ingress) : nil,
        logger: argument.logger(default: .warning))
      let pipe = PipeRun(
        filter,
        options: .init(
          stream: stream, keepsNewlines: newlines, isTextOnly: text, isCSV: csv,
          prints: true))
      let summary = try await pipe.run(descriptor: STDIN_FILENO)
      if summary.refusals > 0 { throw ExitCode(ExitStatus.badData.rawValue) }
    }
  }
}
