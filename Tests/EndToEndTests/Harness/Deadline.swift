/// The moment at which waiting for an event becomes a failure.
struct Deadline {
  private let end: ContinuousClock.Instant

  /// - Parameter seconds: generous, since a loaded machine is no failure.
  init(seconds: Int) { end = .now + .seconds(seconds) }

  static var standard: Deadline { Deadline(seconds: 60) }

  var hasPassed: Bool { ContinuousClock.now >= end }

  var remaining: Duration { max(.zero, end - .now) }

  /// Rounded up, for poll(2).
  var remainingMilliseconds: Int32 {
    let (seconds, attoseconds) = remaining.components
    return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
  }
}

/// What a test waited for in vain, or could not set up.
enum HarnessError: Error, CustomStringConvertible {
  case timedOut(waitingFor: String, seen: String)
  case exited(waitingFor: String, code: Int32, errors: String)
  case system(call: String, code: Int32)
  case unexpected(String)

  var description: String {
    switch self {
    case .timedOut(let event, let seen): "timed out waiting for \(event); seen: \(seen)"
    case .exited(let event, let code, let errors):
      "exited with \(code) while waiting for \(event): \(errors)"
    case .system(let call, let code): "\(call) failed with errno \(code)"
    case .unexpected(let what): what
    }
  }
}
