/// A message that cannot be read: the code it is refused with, what was seen and what was expected.
package struct WireError: Error, Equatable, CustomStringConvertible {
  package let code: RefusalCode
  /// What was received.
  package let received: String
  package let expected: String

  package init(_ code: RefusalCode, _ received: String, expected: String) {
    self.code = code
    self.received = received
    self.expected = expected
  }

  package var description: String { "\(code.rawValue): \(received), expected \(expected)" }
}
