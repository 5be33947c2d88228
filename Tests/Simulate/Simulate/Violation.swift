/// A promise that a run broke: what stood where, what was expected, what came.
struct Violation: Error, CustomStringConvertible {
  /// Which promise, in the words of a report.
  let promise: String
  let place: String
  let expected: String
  let received: String

  init(_ promise: String, at place: String, expected: String, received: String) {
    self.promise = promise
    self.place = place
    self.expected = expected
    self.received = received
  }

  var description: String {
    "\(promise)\n  at       \(place)\n  expected \(expected)\n  received \(received)"
  }
}
