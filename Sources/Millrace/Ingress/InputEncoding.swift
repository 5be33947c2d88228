import Tokenization
import Wire

/// How a client's payload becomes steps.
package enum InputEncoding: Sendable {
  /// Text through a tokenizer; numbered in bytes.
  case text(TextTokenizer)
  /// Token ids below `bound`; numbered in steps.
  case ids(bound: Int32)
  /// Rows of numbers; numbered in rows.
  case values(ValueFeatures)
  /// Images of bytes, or of numbers from 0 to 255; numbered in frames.
  case frames(FrameFeatures)

  package var elementType: ElementType {
    switch self {
    case .text: .text
    case .ids: .int32
    case .values: .float32
    case .frames: .uint8
    }
  }

  /// Whether a payload of this type can be read.
  func takes(_ type: ElementType) -> Bool {
    if case .frames = self, type == .float32 { return true }
    return type == elementType
  }

  /// Values an element, as the wire counts them.
  var width: Int {
    switch self {
    case .text, .ids: 1
    case .values(let features): features.inputWidth
    case .frames(let features): features.inputWidth
    }
  }

  /// Numbers of a step on the way to the model; nil for a token id.
  var stepWidth: Int? {
    switch self {
    case .text, .ids: nil
    case .values(let features): features.outputWidth
    case .frames(let features): features.outputWidth
    }
  }

  /// Whether steps are counted by themselves, from 0, as their input's numbers do not count them.
  var countsSteps: Bool {
    switch self {
    case .text: true
    case .values(let features): features.changesCount
    case .ids, .frames: false
    }
  }

  var isText: Bool {
    if case .text = self { true } else { false }
  }

  /// What one connection may have under way: steps, or bytes of text.
  package var creditWindow: UInt64 { isText ? Limits.creditTextBytes : Limits.creditSteps }
}
