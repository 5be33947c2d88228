import Glibc

/// A text file that a command or another file names, and its lines.
///
/// The one place where lines are made of a file: a line ends with a line feed, or with a carriage
/// return and a line feed, as Windows writes it; a byte order mark is no text.
package struct TextFile: Sendable {
  /// Why there is no text.
  package enum Failure: Error, Equatable, CustomStringConvertible {
    case missing(path: String, expected: String)
    case unreadable(path: String, expected: String, code: Int32)
    case notUTF8(path: String, expected: String, line: Int)

    /// For a sentence that has named the file: "which ...".
    package var reason: String {
      switch self {
      case .missing: "does not exist"
      case .unreadable(_, _, let code):
        "cannot be read: \(String(cString: strerror(code))) (\(code))"
      case .notUTF8(_, _, let line): "is not UTF-8 in line \(line)"
      }
    }

    package var description: String {
      switch self {
      case .missing(let path, let expected), .unreadable(let path, let expected, _),
        .notUTF8(let path, let expected, _):
        "\(path): \(reason); expected \(expected)"
      }
    }
  }

  package let path: String
  package let text: String

  /// Reads a whole file, or standard input for "-".
  ///
  /// - Parameters:
  ///   - path: as the user named it.
  ///   - expected: what should be in it, for messages.
  /// - Throws: a `Failure`.
  package init(readingFrom path: String, expecting expected: String) throws(Failure) {
    try self.init(try FileBytes(readingFrom: path, expecting: expected), expecting: expected)
  }

  /// As above, of bytes that are read already.
  init(_ file: FileBytes, expecting expected: String) throws(Failure) {
    path = file.path
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let bytes = file.bytes[(file.bytes.starts(with: mark) ? mark.count : 0)...]
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let line = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
        .firstIndex { String(validating: $0, as: UTF8.self) == nil }
      throw .notUTF8(path: path, expected: expected, line: (line ?? 0) + 1)
    }
    self.text = text
  }

  /// The lines without their ends; empty ones at the end of the file are left out, so that line n
  /// of the file is element n - 1.
  package var lines: [String] { TextFile.lines(of: text) }

  /// The lines of a text, as `lines` has them.
  package static func lines(of text: String) -> [String] {
    // By byte: a carriage return and a line feed are one Character.
    var lines = text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).map {
      String(Substring($0.last == 0x0d ? $0.dropLast() : $0))
    }
    while lines.last == "" { lines.removeLast() }
    return lines
  }
}
