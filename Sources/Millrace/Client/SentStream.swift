import DequeModule
import Wire

/// Where a stream stands that was sent to, until nothing more is due for it.
struct SentStream {
  /// The number behind the furthest element sent in this life.
  var next: UInt64 = 0
  /// Whether its life goes on: it was sent to behind its last END.
  var isOpen = false
  /// Of its life.
  var epoch: UInt64 = 0
  /// ENDs whose LAST has not come.
  var endsUnderWay = 0
  /// What was sent and not acknowledged, oldest first.
  var kept: Deque<SentLine> = []
  /// The first answer of the life under way that has not come.
  var nextAnswer: UInt64 = 0
  /// The life and the end of the last input that was refused for good.
  var refused: (epoch: UInt64, end: UInt64) = (0, 0)

  /// Takes note of a refusal; false when it came before: a greeting has them sent again.
  mutating func refuse(_ header: Header) -> Bool {
    guard (header.epoch, header.input) > (refused.epoch, refused.end) else { return false }
    refused = (header.epoch, header.input)
    return true
  }

  /// The oldest number that can be sent again.
  var oldest: UInt64 { kept.first?.header.number ?? next }
}
