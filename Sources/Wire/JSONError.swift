/// Text that is not the JSON this place takes.
package struct JSONError: Error, Equatable, CustomStringConvertible {
  /// Offset of the byte where reading stopped.
  package let byte: Int
  package let reason: String

  package init(byte: Int, reason: String) {
    self.byte = byte
    self.reason = reason
  }

  package var description: String { "byte \(byte): \(reason)" }
}
