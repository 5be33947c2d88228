/// Text that is not the JSON this place takes.
package struct JSONError: Error, Equatable, CustomStringConvertible {
  /// Offset of the byte where reading stopped.
  package let byte: Int
  package let reason: String

  package var description: String { "byte \(byte): \(reason)" }
}
