/// Why a vocabulary cannot be used.
///
/// Lines are counted from 1.
package enum VocabularyError: Error, Equatable, CustomStringConvertible {
  case empty
  case notUTF8
  case emptyToken(line: Int)
  case duplicate(token: String, line: Int, firstLine: Int)

  package var description: String {
    switch self {
    case .empty: "no tokens, expected one a line"
    case .notUTF8: "not UTF-8"
    case .emptyToken(let line): "line \(line) is empty, expected a token"
    case .duplicate(let token, let line, let firstLine):
      "line \(line) repeats \"\(PrintableText.escaped(token))\" of line \(firstLine)"
    }
  }
}
