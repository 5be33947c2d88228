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
    let output = try OutputLines(isPrinting: options.prints)
    let format = filter.pipeline.format
    let isText = filter.pipeline.encoding.isText
    let text = TextInput.Options(
      stream: options.stream, isTextOnly: options.isTextOnly,
      // A word ends with its line, so the newline is handed on as a separator.
      keepsNewlines: options.keepsNewlines || filter.pipeline.file.tokenizer.kind == .words,
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
      onIdle: { try output.flush() })
    summary.refusals = output.complaints
    return summary
  }
}

/// Lines on standard output, and complaints on standard error; used by the filter's thread only.
private final class OutputLines: @unchecked Sendable {  // why: one thread uses it, after init
  private let writer: LineWriter?
  private(set) var complaints: UInt64 = 0

  init(isPrinting: Bool) throws {
    writer = try LineWriter(isPrinting ? .standardOutput : .none)
  }

  func append(_ rows: AnswerMessage, of stream: StreamID, format: AnswerFormat) throws {
    guard let writer else { return }
    for row in 0..<rows.count {
      rows.withRow(row) {
        format.appendLine(
          stream: stream, number: rows.number(of: row), token: rows.token(of: row), row: $0,
          isEnd: rows.isEnd(row), to: &writer.buffer)
      }
    }
  }

  func flush() throws { try writer?.flush() }

  func complain(_ message: String) {
    complaints += 1
    FileHandle.standardError.write(Data("millrace: \(message)\n".utf8))
  }
}
