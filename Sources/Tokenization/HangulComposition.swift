/// Composes conjoining jamo to syllables (Unicode 15, section 3.12).
enum HangulComposition {
  private static let lead: ClosedRange<UInt32> = 0x1100...0x1112
  private static let vowel: ClosedRange<UInt32> = 0x1161...0x1175
  private static let trail: ClosedRange<UInt32> = 0x11A8...0x11C2

  static func isLead(_ scalar: Unicode.Scalar) -> Bool { lead.contains(scalar.value) }

  /// The syllable of a lead and a vowel; nil when they are not.
  static func compose(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
    guard lead.contains(first.value), vowel.contains(second.value) else { return nil }
    return Unicode.Scalar(
      0xAC00 + ((first.value - 0x1100) * 21 + (second.value - 0x1161)) * 28)
  }

  /// The syllable of an open syllable and a trailing consonant; nil when they are not.
  static func close(_ syllable: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
    guard (0xAC00...0xD7A3).contains(syllable.value), (syllable.value - 0xAC00) % 28 == 0,
      trail.contains(second.value)
    else { return nil }
    return Unicode.Scalar(syllable.value + second.value - 0x11A7)
  }
}
