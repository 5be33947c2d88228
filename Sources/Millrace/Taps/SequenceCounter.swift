import Wire

/// Counts what a reader of taps lost: received + lost = last - first + 1, for each full topic.
struct SequenceCounter {
  /// What a message's sequence says about those before it.
  enum Finding: Equatable {
    case next
    /// So many did not come.
    case hole(UInt64)
    /// The count began anew, as it does when the daemon is started again.
    case restart
  }

  /// Full topic -> the sequence that must come next.
  private var expected: [String: UInt64] = [:]
  private(set) var lost: UInt64 = 0

  /// Takes note of a message.
  mutating func take(_ note: TapNote, on topic: String) -> Finding {
    defer { expected[topic] = note.sequence + 1 }
    guard let next = expected[topic], note.sequence != next else { return .next }
    guard note.sequence > next else { return .restart }
    lost += note.sequence - next
    return .hole(note.sequence - next)
  }

  /// What comes while nobody subscribes is not lost.
  mutating func forget(topicsFrom prefix: String) {
    expected = expected.filter { !$0.key.hasPrefix(prefix) }
  }
}
