/// Why bytes are no carry of a tokenizer.
package enum CarryError: Error, Equatable, CustomStringConvertible {
  case truncated(atByte: Int)
  case version(received: UInt8, expected: UInt8)
  case malformed(String)

  package var description: String {
    switch self {
    case .truncated(let byte): "the tokenizer's carry is cut off at byte \(byte)"
    case .version(let received, let expected):
      "the tokenizer's carry is of version \(received), expected \(expected)"
    case .malformed(let what): "the tokenizer's carry holds \(what)"
    }
  }
}
