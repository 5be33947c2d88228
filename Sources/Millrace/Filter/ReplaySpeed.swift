/// How fast a recording is replayed.
package enum ReplaySpeed: Sendable, Equatable {
  case max
  /// Steps a second, over all streams; text counts in bytes.
  case stepsPerSecond(Double)
  /// At the pace at which it was recorded, times a factor.
  case timesRecorded(Double)

  /// What is one, for people.
  package static let expected =
    "expected steps a second above 0 (500), a factor of the recorded pace above 0 (2x), or max"

  /// `max`, `500` or `2x`; nil for anything else.
  package init?(_ text: String) {
    if text == "max" {
      self = .max
    } else if text.hasSuffix("x"), let factor = Double(text.dropLast()), factor > 0,
      factor.isFinite
    {
      self = .timesRecorded(factor)
    } else if let rate = Double(text), rate > 0, rate.isFinite {
      self = .stepsPerSecond(rate)
    } else {
      return nil
    }
  }
}
