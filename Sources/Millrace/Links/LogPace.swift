/// Lets one line a second through, and counts those that it held back.
struct LogPace {
  private var nextMilliseconds: UInt64 = 0
  private var heldBack = 0

  /// How many lines were held back before this one; nil when this one is.
  mutating func admit(milliseconds now: UInt64) -> Int? {
    guard now >= nextMilliseconds else {
      heldBack += 1
      return nil
    }
    nextMilliseconds = now + 1000
    defer { heldBack = 0 }
    return heldBack
  }
}
