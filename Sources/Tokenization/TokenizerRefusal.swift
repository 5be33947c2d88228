/// Why text is refused; `atByte` counts from the stream's start.
package enum TokenizerRefusal: Error, Equatable, CustomStringConvertible {
  case invalidText(atByte: UInt64)
  case unknownToken(String, atByte: UInt64)
  case wordTooLong(limit: Int, atByte: UInt64)

  package var description: String {
    switch self {
    case .invalidText(let byte): "byte \(byte) is not UTF-8"
    case .unknownToken(let token, let byte):
      "\"\(PrintableText.escaped(token))\" at byte \(byte) is not in the vocabulary"
    case .wordTooLong(let limit, let byte):
      "the word at byte \(byte) is longer than \(limit) characters"
    }
  }
}
