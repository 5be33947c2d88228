/// How many columns text takes in a terminal: Korean, Chinese and Japanese letters take two.
enum DisplayWidth {
  /// Ranges that are wide or full-width in Unicode's EastAsianWidth.txt, and pictures.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0x9fff,
    0xa000...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
    0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1f6ff, 0x1f900...0x1f9ff,
    0x20000...0x3fffd,
  ]

  static func of(_ text: String) -> Int { text.reduce(0) { $0 + of($1) } }

  /// What stands on its base takes no column of its own, so the base decides.
  static func of(_ character: Character) -> Int {
    guard let first = character.unicodeScalars.first else { return 0 }
    if first.value < 0x300 { return 1 }
    switch first.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    // A vowel or final jamo is drawn into the syllable before it.
    if (0x1160...0x11ff).contains(first.value) { return 0 }
    return wide.contains { $0.contains(first.value) } ? 2 : 1
  }

  enum Side: Sendable {
    case left
    case right
  }

  /// Text in exactly so many columns: padded, or cut with an ellipsis; what would move the cursor is
  /// shown as a dot.
  static func fit(_ text: String, _ columns: Int, _ side: Side = .left) -> String {
    var shown = ""
    var width = 0
    for character in text {
      let isControl = character.unicodeScalars.contains {
        $0.properties.generalCategory == .control
      }
      let next = isControl ? "·" : character
      if width + of(next) > columns { return cut(text, columns) }
      shown.append(next)
      width += of(next)
    }
    let space = String(repeating: " ", count: columns - width)
    return side == .left ? shown + space : space + shown
  }

  /// As many of the parts, from the first on, as there is room for as a whole; at least the first.
  static func joined(_ parts: [String], _ columns: Int) -> String {
    var line = parts.first ?? ""
    for part in parts.dropFirst() {
      let longer = line + "  " + part
      guard of(longer) <= columns else { break }
      line = longer
    }
    return line
  }

  private static func cut(_ text: String, _ columns: Int) -> String {
    guard columns > 0 else { return "" }
    var shown = ""
    var width = 0
    for character in text {
      let isControl = character.unicodeScalars.contains {
        $0.properties.generalCategory == .control
      }
      let next = isControl ? "·" : character
      guard width + of(next) < columns else { break }
      shown.append(next)
      width += of(next)
    }
    return shown + "…" + String(repeating: " ", count: columns - width - 1)
  }
}
