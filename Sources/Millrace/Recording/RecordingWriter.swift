import Wire

/// Writes a recording: input to one file, answers to another or to the same.
///
/// Used by one thread. What is buffered is written by `flush`, whole lines or blocks at a time, so
/// that a file that was cut off by a crash lacks only its end.
final class RecordingWriter {
  private let inputs: RecordingTarget
  private let answers: RecordingTarget?

  /// - Parameters:
  ///   - path: of the input.
  ///   - answersPath: of the answers; the same as `path` in the compact form, or nil for none.
  ///   - format: of answers in JSON Lines.
  ///   - writesTimes: whether lines say when they came; the compact form always does.
  ///   - replaces: whether files that exist may be written over.
  /// - Throws: a `FileFailure` for a file that exists, unless it may be replaced, and
  ///   `LineWriter.Failure`.
  init(
    path: String, answersPath: String?, format: AnswerFormat, writesTimes: Bool, replaces: Bool
  ) throws {
    inputs = try RecordingTarget(
      path, format: format, writesTimes: writesTimes, replaces: replaces)
    if answersPath == path {
      guard inputs.isCompact else {
        throw FileFailure(
          "\(path): input and answers can be in one file only in the compact form "
            + "(NAME\(RecordingFile.compactSuffix))")
      }
      answers = inputs
    } else {
      answers = try answersPath.map {
        try RecordingTarget($0, format: format, writesTimes: writesTimes, replaces: replaces)
      }
    }
  }

  var wantsAnswers: Bool { answers != nil }

  func append(_ entry: StreamRecorder.Entry) throws {
    switch entry {
    case .input: try inputs.append(entry)
    case .answers: try answers?.append(entry)
    }
  }

  func flush() throws {
    try inputs.flush()
    if let answers, answers !== inputs { try answers.flush() }
  }
}
