/// What a person pressed.
enum TopKey: Equatable {
  case character(Character)
  case up
  case down
  case enter
  case escape
  case backspace

  /// Reads keys from what a terminal sent; half a letter at the end is left out.
  static func keys(in bytes: [UInt8]) -> [TopKey] {
    var rest = String(decoding: bytes, as: UTF8.self)[...]
    var keys: [TopKey] = []
    while let first = rest.first {
      if rest.hasPrefix("\u{1b}[A") || rest.hasPrefix("\u{1b}OA") {
        keys.append(.up)
        rest = rest.dropFirst(3)
      } else if rest.hasPrefix("\u{1b}[B") || rest.hasPrefix("\u{1b}OB") {
        keys.append(.down)
        rest = rest.dropFirst(3)
      } else if rest.hasPrefix("\u{1b}[") {
        // A key that means nothing here ends with a letter or ~.
        rest = rest.dropFirst(2).drop { !$0.isLetter && $0 != "~" }.dropFirst()
      } else {
        rest = rest.dropFirst()
        switch first {
        case "\u{1b}": keys.append(.escape)
        case "\r", "\n", "\r\n": keys.append(.enter)
        case "\u{7f}", "\u{8}": keys.append(.backspace)
        case "\u{fffd}": break
        default:
          if !first.unicodeScalars.contains(where: { $0.value < 32 }) {
            keys.append(.character(first))
          }
        }
      }
    }
    return keys
  }
}
