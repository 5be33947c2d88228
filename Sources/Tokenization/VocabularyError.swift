/// Why a vocabulary cannot be used.
///
/// Lines are counted from 1.
package enum VocabularyError: Error, Equatable, CustomStringConvertible {
  case empty
  case notUTF8
  /// Ids are 32-bit numbers.
  case tooManyIDs(tokens: Int, firstID: Int32)
  case emptyToken(line: Int)
  case duplicate(token: String, line: Int, firstLine: Int)

  package var description: String {
    switch self {
    case .empty: "no tokens, expected one a line"
    case .notUTF8: "not UTF-8"
    case .tooManyIDs(let tokens, let firstID):
      "\(tokens) tokens from id \(firstID) on go beyond 2^31, expected a lower first-id"
    case .emptyToken(let line): "line \(line) is empty, expected a token"
    case .duplicate(let token, let line, let firstLine):
      "line \(line) repeats \"\(PrintableText.escaped(token))\" of line \(firstLine)"
    }
  }
}
