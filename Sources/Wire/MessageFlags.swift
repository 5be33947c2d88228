/// The flags of a header.
package struct MessageFlags: OptionSet, Sendable, Hashable {
  package let rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The standard library's own goes through generic code that other modules cannot specialise.
  package init(arrayLiteral elements: MessageFlags...) {
    rawValue = elements.reduce(0) { $0 | $1.rawValue }
  }

  /// Begins a stream's life.
  package static let start = MessageFlags(rawValue: 1)
  /// Ends it, after this message's payload.
  package static let end = MessageFlags(rawValue: 2)
  /// Zeroes h and c, before this message's payload.
  package static let reset = MessageFlags(rawValue: 4)
  /// The final answer of a stream.
  package static let last = MessageFlags(rawValue: 8)
  /// Answer, but do not advance the state.
  package static let peek = MessageFlags(rawValue: 16)

  package static let known: MessageFlags = [.start, .end, .reset, .last, .peek]

  /// Names in the friendly form, in bit order.
  package static let names: [(flag: MessageFlags, name: String)] = [
    (.start, "START"), (.end, "END"), (.reset, "RESET"), (.last, "LAST"), (.peek, "PEEK"),
  ]
}
