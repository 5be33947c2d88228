/// GPT-2's letters for bytes: printable Latin-1 stands for itself, the other bytes for U+0100 on.
enum ByteLetters {
  static let letters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0..<256).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(UInt8(byte))
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "\u{FFFD}"
      }
    }
  }()

  static func of(_ text: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
    text.flatMap { scalar in UTF8.encode(scalar).map { $0.map { letters[Int($0)] } } ?? [] }
  }
}
