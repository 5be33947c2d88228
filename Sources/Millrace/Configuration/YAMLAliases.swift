/// The aliases (`*name`) of a YAML text.
///
/// Ten lines of them can stand for more values than any memory holds, and comparing two keys made of
/// such takes for ever. So few as are allowed stand for some hundred thousand at the most.
enum YAMLAliases {
  static let countMax = 32

  /// How many there are at the most; one in a quoted or folded text may be counted too, one in a
  /// comment is not.
  static func count(in text: String) -> Int {
    var count = 0
    var isInComment = false
    // A line's beginning is as good as white space.
    var before = UInt8(ascii: "\n")
    var isStar = false
    for byte in text.utf8 {
      let isSpace = byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
      if byte == 0x0a { isInComment = false }
      if byte == UInt8(ascii: "#"), isSpaceOrBracket(before) { isInComment = true }
      if isStar, !isSpace { count += 1 }
      isStar = byte == UInt8(ascii: "*") && !isInComment && isSpaceOrBracket(before)
      before = byte
    }
    return count
  }

  /// What may stand before an alias or a comment.
  private static func isSpaceOrBracket(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: ","),
      UInt8(ascii: ":"):
      true
    default: false
    }
  }
}
