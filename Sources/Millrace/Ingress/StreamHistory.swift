import DequeModule
import Durability
import Wire

/// The last checkpoints of each stream, to be rewound to; in memory, where there is no store.
///
/// Beyond a bound over all streams the oldest go, whose ever they are.
struct StreamHistory {
  struct Kept {
    /// The next input number at that moment.
    let number: UInt64
    let bytes: [UInt8]
    fileprivate let age: UInt64
  }

  private var kept: [StreamID: Deque<Kept>] = [:]
  /// Streams in the order in which something of theirs was kept; an entry may be gone.
  private var order: Deque<(stream: StreamID, age: UInt64)> = []
  private var age: UInt64 = 0
  private(set) var byteCount = 0
  private var keptCount = 0
  private let count: Int
  private let byteCountMax: Int

  /// - Parameters:
  ///   - count: checkpoints of one stream.
  ///   - byteCountMax: of all together.
  init(count: Int, byteCountMax: Int) {
    self.count = count
    self.byteCountMax = byteCountMax
  }

  mutating func keep(_ bytes: [UInt8], number: UInt64, of stream: StreamID) {
    age += 1
    byteCount += bytes.count
    keptCount += 1
    kept[stream, default: []].append(Kept(number: number, bytes: bytes, age: age))
    order.append((stream, age))
    if let own = kept[stream], own.count > count { dropOldest(of: stream) }
    while byteCount > byteCountMax, let (stream, age) = order.popFirst() {
      if kept[stream]?.first?.age == age { dropOldest(of: stream) }
    }
    // Most entries are of what has gone.
    if order.count > 4 * keptCount + 1024 {
      order = Deque(
        order.filter { entry in kept[entry.stream]?.first.map { $0.age <= entry.age } ?? false })
    }
  }

  private mutating func dropOldest(of stream: StreamID) {
    guard let dropped = kept[stream]?.popFirst() else { return }
    byteCount -= dropped.bytes.count
    keptCount -= 1
    if kept[stream]?.isEmpty == true { kept[stream] = nil }
  }

  /// Oldest first.
  func numbers(of stream: StreamID) -> [UInt64] { kept[stream]?.map(\.number) ?? [] }

  /// The newest at or below a number.
  func newest(of stream: StreamID, through number: UInt64) -> Kept? {
    kept[stream]?.last { $0.number <= number }
  }

  /// Forgets those beyond a number; all, where there is none.
  mutating func drop(of stream: StreamID, beyond number: UInt64?) {
    while let last = kept[stream]?.last, number.map({ last.number > $0 }) ?? true {
      byteCount -= last.bytes.count
      keptCount -= 1
      kept[stream]?.removeLast()
    }
    if kept[stream]?.isEmpty == true { kept[stream] = nil }
  }
}
