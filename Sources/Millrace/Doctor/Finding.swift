/// What `millrace doctor` found out about one thing.
package struct Finding: Sendable, Equatable, Encodable {
  package enum Status: String, Sendable, Encodable, CaseIterable {
    case ok
    /// Works, and may not be what is wanted.
    case warning
    /// Something will not work.
    case problem
  }

  package let check: String
  package let status: Status
  package let found: String
  /// What to do about it; nil where nothing is to be done.
  package let advice: String?

  static func ok(_ check: String, _ found: String) -> Finding {
    Finding(check: check, status: .ok, found: found, advice: nil)
  }

  static func warning(_ check: String, _ found: String, _ advice: String) -> Finding {
    Finding(check: check, status: .warning, found: found, advice: advice)
  }

  static func problem(_ check: String, _ found: String, _ advice: String) -> Finding {
    Finding(check: check, status: .problem, found: found, advice: advice)
  }
}
