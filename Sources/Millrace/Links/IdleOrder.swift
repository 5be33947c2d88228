import DequeModule

/// Streams of a stage in the order in which they were used, roughly, so that the idle ones are found
/// without looking at all.
///
/// Each stands in it once; one that was used meanwhile goes to the back when its turn comes.
struct IdleOrder<Stream: IdleStream> {
  private var order: Deque<(stream: Stream, entered: UInt64)> = []

  mutating func use(_ stream: Stream, at milliseconds: UInt64) {
    stream.usedMilliseconds = milliseconds
    guard !stream.isInIdleOrder else { return }
    stream.isInIdleOrder = true
    order.append((stream, stream.usedMilliseconds))
  }

  mutating func removeAll() {
    for (stream, _) in order { stream.isInIdleOrder = false }
    order.removeAll()
  }

  /// Calls `park` with streams that have been idle for at least so long, until `most` have left or
  /// `limit` have been looked at; those for which it says no stay.
  ///
  /// - Returns: how many left.
  @discardableResult
  mutating func sweep(
    idleMilliseconds: UInt64, at now: UInt64, limit: Int, most: Int = .max,
    park: (Stream) -> Bool
  ) -> Int {
    var parked = 0
    for _ in 0..<min(limit, order.count) where parked < most {
      guard let (stream, entered) = order.first, now >= entered + idleMilliseconds else { break }
      order.removeFirst()
      if now >= stream.usedMilliseconds + idleMilliseconds, park(stream) {
        stream.isInIdleOrder = false
        parked += 1
      } else {
        order.append((stream, max(stream.usedMilliseconds, entered + 1)))
      }
    }
    return parked
  }
}

/// A stream that can leave memory while it is idle.
protocol IdleStream: AnyObject {
  var usedMilliseconds: UInt64 { get set }
  var isInIdleOrder: Bool { get set }
}
