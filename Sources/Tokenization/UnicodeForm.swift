import Foundation

/// The normal forms of Unicode 15, annex 15.
///
/// Foundation's decompositions leave some marks in the wrong order (those that are marks only once
/// they are decomposed, such as U+FF9E and U+0F81), and its NFKC composes too little; both are made
/// right here.
enum UnicodeForm {
  case nfc
  case nfd
  case nfkc
  case nfkd

  func apply(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    if text.allSatisfy(\.isASCII) { return text }
    let string = String(String.UnicodeScalarView(text))
    var decomposed: [Unicode.Scalar]
    switch self {
    case .nfc, .nfd: decomposed = Array(string.decomposedStringWithCanonicalMapping.unicodeScalars)
    case .nfkc, .nfkd:
      decomposed = Array(string.decomposedStringWithCompatibilityMapping.unicodeScalars)
    }
    UnicodeForm.order(&decomposed)
    switch self {
    case .nfd, .nfkd: return decomposed
    case .nfc, .nfkc:
      let ordered = String(String.UnicodeScalarView(decomposed))
      return Array(ordered.precomposedStringWithCanonicalMapping.unicodeScalars)
    }
  }

  /// Sorts each run of marks by combining class; equal classes keep their order.
  private static func order(_ text: inout [Unicode.Scalar]) {
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count, combiningClass(text[end]) > 0 { end += 1 }
      if end - start > 1 {
        // Sorting in Swift is stable.
        text[start..<end].sort { combiningClass($0) < combiningClass($1) }
      }
      start = max(end, start + 1)
    }
  }

  private static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
    scalar.properties.canonicalCombiningClass.rawValue
  }
}
