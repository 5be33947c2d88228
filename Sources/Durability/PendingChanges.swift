import DequeModule

/// What was handed to a store and is not committed.
struct PendingChanges {
  private var changes: [StoreChange] = []
  /// Counts what was appended to `changes`.
  private(set) var ticket: UInt64 = 0
  /// As they were handed over; of the first, what is not taken yet.
  private var rows: Deque<ArraySlice<StoreChange>> = []
  private var rowCount = 0
  /// Rows that were ever handed over.
  private(set) var rowTicket: UInt64 = 0
  /// What is being committed, and is tried again where the disk was full.
  private var underWay: Transaction?
  var isClosing = false
  var hasThread: Bool
  /// Whether the store's thread waits for a signal.
  var isIdle = false

  /// Tickets are those of the newest that it holds.
  struct Transaction {
    let changes: [StoreChange]
    let ticket: UInt64
    let rowTicket: UInt64
  }

  /// Of the rows that wait, a transaction takes one in so many, where that is more than it is asked to.
  private static let partOfRows = 128

  init(hasThread: Bool) { self.hasThread = hasThread }

  var isEmpty: Bool { changes.isEmpty && rows.isEmpty }

  /// Whether the thread is to be signalled, which is then done once.
  mutating func wake() -> Bool {
    defer { isIdle = false }
    return isIdle
  }

  mutating func append(_ changes: [StoreChange]) {
    self.changes += changes
    ticket += 1
  }

  mutating func append(rows: [StoreChange]) {
    guard !rows.isEmpty else { return }
    self.rows.append(rows[...])
    rowCount += rows.count
    rowTicket += UInt64(rows.count)
  }

  /// The next transaction: all changes, and behind them `most` rows, or a small part of all that wait;
  /// none where `most` is 0.
  mutating func take(rows most: Int) -> Transaction {
    if let underWay { return underWay }
    var left = most == 0 ? 0 : min(rowCount, max(most, rowCount / PendingChanges.partOfRows))
    rowCount -= left
    var taken = changes
    while left > 0, let first = rows.popFirst() {
      taken += first.prefix(left)
      if first.count > left { rows.prepend(first.dropFirst(left)) }
      left -= min(left, first.count)
    }
    changes = []
    let next = Transaction(
      changes: taken, ticket: ticket, rowTicket: rowTicket - UInt64(rowCount))
    underWay = next
    return next
  }

  /// What was taken last is committed.
  mutating func settle() { underWay = nil }
}
