import DequeModule
import Durability
import Wire
import ZeroMQ

/// Which answers are in the output, so that none is written twice after a restart; with a store.
///
/// A turn's answers count once the store has committed how far the output is good; until then their
/// credit is held back. Owned by the sink stage's thread.
final class WrittenLog {
  private let store: StateStore
  private let clock: StageClock
  let bell: CommitBell
  /// Streams that answered lately, and those that did not since the last change of these two.
  private var streams: [StreamID: WrittenAnswers] = [:]
  private var older: [StreamID: WrittenAnswers] = [:]
  private var nextTurnMilliseconds: UInt64 = 0
  /// Changed since the last group was handed over.
  private var changed: Set<StreamID> = []
  /// Changed since they last had a row of their own.
  ///
  /// As the newest group has them: where they stand now may lie ahead of what is known of the output.
  private var unsettled: [StreamID: WrittenAnswers] = [:]
  /// Streams that ended, oldest first; the rows of the oldest are let go.
  private var ended: Deque<StreamID> = []
  /// Streams whose rows are on their way, and the ticket of these.
  private var settling: [StreamID] = []
  private var settled = StateStore.Ticket.committed
  private var group: UInt64 = 0
  private var inFlight:
    (ticket: StateStore.Ticket, held: [(connection: Connection, units: UInt64)])?
  private var held: [(connection: Connection, units: UInt64)] = []
  private var nextSettleMilliseconds: UInt64 = 0
  /// Lines for readers who come late; nil where none are kept.
  private var kept: KeptGroup?

  /// How long a stream that does not answer stays in memory, at least.
  private static let turnMilliseconds: UInt64 = 10_000

  /// How long streams that move stay in the groups alone: the longer, the fewer rows are written of
  /// them, and the more groups a start reads.
  private static let settleMilliseconds: UInt64 = 5000

  /// Ends that are remembered: many more than input of them can be in the tokenizer stage's store.
  private static let endedMax = 4 * Limits.closedStreams

  /// `historyMilliseconds` is how long lines are kept; nil for not at all.
  init(_ store: StateStore, historyMilliseconds: UInt64?, clock: StageClock) throws {
    self.store = store
    kept = historyMilliseconds.map(KeptGroup.init)
    self.clock = clock
    bell = try CommitBell(store)
    group = try store.forEachWritten { record in
      guard let id = StreamID(record.stream) else { return }
      streams[id] = record.written
      unsettled[id] = record.written
    }
    ended = Deque(try store.endedStreams(in: .written).compactMap { StreamID($0) })
  }

  /// Bytes of the output that are good; nil when none was ever written.
  func outputLength() throws -> Int64? { try store.outputLength() }

  /// Keeps, before anything is written, where the output begins.
  func begin(outputLength: (Int64, descriptor: Int32)) throws {
    try store.wait(
      for: store.submit([.outputLength(outputLength.0, descriptor: outputLength.descriptor)]))
  }

  /// How far a stream was written, in the life that an answer belongs to; nil for one of a life that
  /// is over.
  func written(of stream: StreamID, in life: UInt64) throws -> WrittenAnswers? {
    let written = try streams[stream] ?? older[stream] ?? store.written(of: stream.name)
    guard let written, written.life >= life else { return WrittenAnswers(life: life) }
    return written.life == life && !written.isEnded ? written : nil
  }

  func set(_ written: WrittenAnswers, of stream: StreamID) {
    streams[stream] = written
    older[stream] = nil
    changed.insert(stream)
  }

  /// Whether lines are kept for readers who come late.
  var keepsLines: Bool { kept != nil }

  /// Keeps lines that were written, which cover a stream's numbers from `first` up to `next`.
  func keep(
    _ lines: [KeptLines.Line], of stream: StreamID, life: UInt64, first: UInt64, next: UInt64
  ) {
    kept?.add(lines, of: stream, life: life, first: first, next: next)
  }

  /// Credit of a message that is given back when what was written so far counts.
  func hold(_ units: UInt64, of connection: Connection) {
    connection.hold(units: units)
    if held.last?.connection === connection {
      held[held.count - 1].units += units
    } else {
      held.append((connection, units))
    }
  }

  /// Once a turn, when the output is written through `length`.
  ///
  /// - Throws: the error that ended the store.
  func advance(outputLength: (Int64, descriptor: Int32)?) throws {
    bell.lower()
    try store.check()
    if let (ticket, held) = inFlight, store.isCommitted(ticket) {
      for (connection, units) in held { connection.release(units: units) }
      inFlight = nil
    }
    bell.want(inFlight != nil || !settling.isEmpty)
    guard inFlight == nil, !held.isEmpty else { return try settle() }
    var changes: [StoreChange] = []
    if !changed.isEmpty {
      group += 1
      let records = changed.compactMap { stream in
        streams[stream].map { WrittenAnswers.Record(stream: stream.name, written: $0) }
      }
      changes.append(.written(group: group, records))
      for stream in changed { unsettled[stream] = streams[stream] }
      changed.removeAll(keepingCapacity: true)
    }
    if let lines = kept?.take() { changes.append(lines) }
    if let (length, descriptor) = outputLength {
      changes.append(.outputLength(length, descriptor: descriptor))
    }
    bell.want(true)
    inFlight = (store.submit(changes), held)
    held = []
  }

  var isIdle: Bool { inFlight == nil && held.isEmpty }

  /// Now and then, and where many moved: gives the streams that moved rows of their own, and lets the groups go.
  private func settle() throws {
    forgetSettled()
    let now = clock.milliseconds
    let isDue = now >= nextSettleMilliseconds || unsettled.count > WrittenLog.endedMax / 2
    guard isDue, !unsettled.isEmpty, settling.isEmpty else { return }
    nextSettleMilliseconds = now + WrittenLog.settleMilliseconds
    var changes: [StoreChange] = []
    // In the order in which the store has them.
    for (stream, written) in unsettled.sorted(by: { $0.key < $1.key }) {
      changes.append(.settleWritten(stream.name, written))
      if written.isEnded { ended.append(stream) }
      settling.append(stream)
    }
    unsettled.removeAll(keepingCapacity: true)
    changes.append(.trimWritten(through: group))
    if let kept { changes.append(kept.trim) }
    try forgetOldestEnds(&changes)
    bell.want(true)
    settled = store.submit(rows: changes)
  }

  /// Lets go of the rows of the streams that ended first, of more than are remembered.
  private func forgetOldestEnds(_ changes: inout [StoreChange]) throws {
    var early: [StreamID] = []
    for _ in 0..<max(0, ended.count - WrittenLog.endedMax) {
      guard let oldest = ended.popFirst() else { break }
      if let standing = streams[oldest] {
        // Its row may still be on its way: next time. Where it has begun anew its next end counts.
        if standing.isEnded { early.append(oldest) }
      } else if try store.written(of: oldest.name)?.isEnded == true {
        changes.append(.settleWritten(oldest.name, nil))
      }
    }
    ended.prepend(contentsOf: early)
  }

  /// Streams that have ended leave memory once their rows are there to be read.
  private func forgetSettled() {
    guard !settling.isEmpty, store.isCommitted(settled) else { return }
    for stream in settling where streams[stream]?.isEnded == true {
      if !changed.contains(stream), unsettled[stream] == nil { streams[stream] = nil }
    }
    settling.removeAll()
    let now = clock.milliseconds
    guard now >= nextTurnMilliseconds else { return }
    nextTurnMilliseconds = now + WrittenLog.turnMilliseconds
    // What has no row yet stays; all others can be read again.
    older = streams.filter { !changed.contains($0.key) && unsettled[$0.key] == nil }
    for stream in older.keys { streams[stream] = nil }
  }
}
