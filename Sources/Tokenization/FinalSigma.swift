/// Lower case as Python's `str.lower` makes it, of text that comes in segments.
///
/// One letter depends on what stands around it: a capital sigma behind a cased letter becomes a final
/// one, unless a cased letter follows; case-ignorable characters between do not count.
enum FinalSigma {
  private static let capital: Unicode.Scalar = "\u{3A3}"

  /// Whether what follows decides about a sigma in `held`.
  static func isPending(_ held: [Unicode.Scalar], _ lowercases: Bool) -> Bool {
    guard lowercases else { return false }
    for scalar in held.reversed() {
      if scalar == capital { return true }
      guard scalar.properties.isCaseIgnorable else { return false }
    }
    return false
  }

  /// `context` is 1 where the last character before that is not case-ignorable is a cased one.
  static func lowercased(_ text: [Unicode.Scalar], context: inout UInt8) -> [Unicode.Scalar] {
    var output: [Unicode.Scalar] = []
    output.reserveCapacity(text.count)
    for (index, scalar) in text.enumerated() {
      if scalar == capital {
        let isFinal = context == 1 && !isCased(text[(index + 1)...])
        output.append(isFinal ? "\u{3C2}" : "\u{3C3}")
      } else if scalar.isASCII {
        let isCapital = ("A"..."Z").contains(scalar)
        output.append(isCapital ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar)
      } else {
        output.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
      if !scalar.properties.isCaseIgnorable { context = scalar.properties.isCased ? 1 : 0 }
    }
    return output
  }

  /// Whether the first character that is not case-ignorable is cased.
  private static func isCased(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
    text.first { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
  }
}
