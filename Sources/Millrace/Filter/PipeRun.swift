import Foundation
import Logging
import Wire

/// `millrace pipe`: standard input through a pipeline to standard output.
package struct PipeRun: Sendable {
  package struct Options: Sendable {
    package var stream: StreamID
    package var keepsNewlines: Bool
    package var isTextOnly: Bool
    package var isCSV: Bool
    /// Whether answers are printed; `send` only sends.
    package var prints: Bool

    package init(
      stream: StreamID, keepsNewlines: Bool, isTextOnly: Bool, isCSV: Bool, prints: Bool
    ) {
      self.stream = stream
      self.keepsNewlines = keepsNewlines
      self.isTextOnly = isTextOnly
      self.isCSV = isCSV
      self.prints = prints
    }
  }

  private let filter: Filter
  private let options: Options

  package init(_ filter: Filter, options: Options) {
    self.filter = filter
    self.options = options
  }

  /// Runs until input ends and all is answered.
  ///
  /// - Returns: what happened; lines that could not be read count as refusals.
  package func run(descriptor: Int32) async throws -> Filter.Summary {
    let output = try OutputLines(
      isPrinting: options.prints, alarm: filter.pipeline.alarm)
    let format = filter.pipeline.format
    let isText = filter.pipeline.encoding.isText
    let text = TextInput.Options(
      stream: options.stream, isTextOnly: options.isTextOnly,
      // A word ends with its line, so the newline is handed on as a separator.
      keepsNewlines: options.keepsNewlines || filter.pipeline.file.tokenizer.kind.readsNewlines,
      isCSV: options.isCSV, takesText: isText)
    var summary = try await filter.run(
      makeSource: {
        TextInput(descriptor: descriptor, options: text) { line, message in
          output.complain("input line \(line): \(message)")
        }
      },
      onAnswer: { stream, header, rows in
        try output.append(rows, of: stream, format: format)
      },
      onRefusal: { stream, number, refusal in
        output.complain(
          "stream \(stream?.name ?? "(none)") number \(number): \(refusal.code.rawValue): "
            + refusal.message)
      },
      onIdle: { try output.flush() }, say: OutputLines.say)
    summary.refusals = output.complaints
    return summary
  }
}
