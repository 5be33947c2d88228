import Tokenization
import Wire

/// How a client's payload becomes steps.
package enum InputEncoding: Sendable {
  /// Text through a tokenizer; numbered in bytes.
  case text(TextTokenizer)
  /// Token ids below `bound`; numbered in steps.
  case ids(bound: Int32)
  /// Vectors of `width` numbers, scaled when there is a scaling; numbered in steps.
  case values(width: Int, scaling: ValueScaling?)

  package var elementType: ElementType {
    switch self {
    case .text: .text
    case .ids: .int32
    case .values: .float32
    }
  }

  /// Values an element, as the wire counts them.
  var width: Int {
    switch self {
    case .text, .ids: 1
    case .values(let width, _): width
    }
  }

  var isText: Bool {
    if case .text = self { true } else { false }
  }

  /// What one connection may have under way: steps, or bytes of text.
  package var creditWindow: UInt64 { isText ? Limits.creditTextBytes : Limits.creditSteps }
}
