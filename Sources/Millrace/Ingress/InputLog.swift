import DequeModule
import Durability
import Wire
import ZeroMQ

/// Accepted input between the client, the store and the workers.
///
/// What one turn of the loop has accepted is one group: it is committed as one row, then acknowledged
/// to the clients and handed to the workers, in this order, so that nothing is known anywhere that a
/// crash could take back. A group leaves the store when the workers have saved all that it brought
/// them. Owned by the tokenizer stage's thread.
final class InputLog {
  /// A message to a worker.
  struct Message {
    let stream: StreamID
    let worker: Int
    var header: Header
    let payload: [UInt8]
    /// The state that the life begins with, where START gave one.
    let given: [UInt8]
    let note: [UInt8]
  }

  private struct Group {
    let number: UInt64
    let ticket: StateStore.Ticket
    var messages: [Message]
    var acknowledgements: [(Acknowledgement, to: Connection)]
    var others: [() -> Void]
  }

  /// A group that is in the store, or on its way there.
  private struct Kept {
    let number: UInt64
    let ticket: StateStore.Ticket
    /// Messages that their workers have not saved.
    var unsaved: Int
    var streams: [IngressStream]
  }

  let store: StateStore
  let bell: CommitBell

  // What this turn has gathered.
  private var records: [UInt8] = []
  private var steps: [InputRecord.Steps] = []
  private var touched: [IngressStream] = []
  private var messages: [Message] = []
  private var acknowledgements: [(Acknowledgement, to: Connection)] = []
  private var others: [() -> Void] = []
  private var unsaved = 0
  /// What the last group weighed; the next one will weigh about as much.
  private var groupBytes = 0

  /// The number of the group that is gathered now.
  private var number: UInt64 = 1
  private var ticket = StateStore.Ticket.committed
  private var waiting: Deque<Group> = []
  private var kept: Deque<Kept> = []
  /// The group that what this turn records will be in.
  var gathering: UInt64 { number }
  /// Everything up to this group has been handed on.
  private(set) var handedOn: UInt64 = 0
  /// Messages in `waiting`.
  private(set) var backlog = 0

  private let clock: StageClock
  /// Milliseconds that daemons have run with this store, less the clock's when this one started: so
  /// streams expire after time in which their senders could be heard, whatever the date says.
  private let timeOffset: UInt64
  private var nextTimeMilliseconds: UInt64 = 0

  init(_ store: StateStore, clock: StageClock) throws {
    self.store = store
    self.clock = clock
    timeOffset = try store.runMilliseconds() &- clock.milliseconds
    bell = try CommitBell(store)
    // Something is always under way here, while the stage is at work.
    bell.want(true)
  }

  // MARK: Gathering

  /// A message to a worker, to be kept with the next `record` of its stream.
  func append(_ message: Message, inputEnds: [UInt64]) {
    steps.append(
      InputRecord.Steps(
        header: message.header.bytes, payload: message.payload, given: message.given,
        note: message.note, inputEnds: inputEnds))
    messages.append(message)
  }

  /// A message that is only handed on in its turn: a PEEK.
  func append(unkept message: Message) { messages.append(message) }

  /// Where a stream stands now, with the messages that were appended for it.
  func record(_ stream: IngressStream) {
    for step in steps.indices {
      stream.unsaved.append(
        Unsaved(
          place: MessagePlace(
            life: stream.life, messages: stream.messages - UInt64(steps.count - step)),
          group: number))
    }
    unsaved += steps.count
    InputRecord(stream: stream.id.name, standing: stream.standing, steps: steps)
      .append(to: &records)
    steps.removeAll(keepingCapacity: true)
    if stream.loggedGroup != number {
      stream.loggedGroup = number
      touched.append(stream)
    }
  }

  /// Tells a client that its input is durable, once it is.
  func acknowledge(_ acknowledgement: Acknowledgement, to connection: Connection) {
    acknowledgements.append((acknowledgement, connection))
  }

  /// Calls `body` once all that was recorded is durable, behind the acknowledgements of it.
  ///
  /// It is kept here until then, which may be never: it must not own what owns the log.
  func afterCommit(_ body: @escaping () -> Void) { others.append(body) }

  /// Ends the turn: hands its group over to the store.
  func submit() {
    guard
      !records.isEmpty || !messages.isEmpty || !acknowledgements.isEmpty || !others.isEmpty
    else { return }
    if !records.isEmpty {
      groupBytes = records.count
      ticket = store.submit([.inputs(group: number, records: records)])
      kept.append(Kept(number: number, ticket: ticket, unsaved: unsaved, streams: touched))
      number += 1
    }
    waiting.append(
      Group(
        number: number - 1, ticket: ticket, messages: messages,
        acknowledgements: acknowledgements, others: others))
    backlog += messages.count
    records = []
    records.reserveCapacity(groupBytes)
    touched = []
    messages = []
    acknowledgements = []
    others = []
    unsaved = 0
  }

  /// The group that is gathered now: nothing later is in the store.
  var newestGroup: UInt64 { number }

  /// Whether the workers have saved all that groups through this one brought them.
  func isSaved(through group: UInt64) -> Bool {
    let oldest = kept.first?.number ?? (records.isEmpty ? number + 1 : number)
    return oldest > group
  }

  // MARK: Committed

  /// Gives what has been committed: acknowledgements to `acknowledge`, messages to `forward`.
  ///
  /// - Throws: the error that ended the store.
  func advance(
    acknowledge: (Acknowledgement, Connection) -> Void, forward: (Message) -> Void
  ) throws {
    bell.lower()
    try store.check()
    while let group = waiting.first, store.isCommitted(group.ticket) {
      waiting.removeFirst()
      backlog -= group.messages.count
      handedOn = group.number
      for (acknowledgement, connection) in group.acknowledgements {
        acknowledge(acknowledgement, connection)
      }
      for body in group.others { body() }
      for message in group.messages { forward(message) }
    }
  }

  /// Whether all that was gathered has been handed on.
  var isIdle: Bool {
    waiting.isEmpty && messages.isEmpty && records.isEmpty && others.isEmpty
  }

  /// Whether the workers have saved all of it.
  var isSaved: Bool { isIdle && kept.isEmpty }

  /// Calls `body` with every message that is kept and was handed on, oldest first.
  func forEachKept(_ body: (Message) throws -> Void) throws {
    let last = handedOn
    try store.forEachInputGroup { group, records in
      guard group <= last else { return }
      for record in records {
        guard let stream = StreamID(record.stream) else { continue }
        for steps in record.steps { try body(InputLog.message(steps, of: stream)) }
      }
    }
  }

  private static func message(
    _ steps: InputRecord.Steps, of stream: StreamID
  ) throws -> Message {
    Message(
      stream: stream, worker: 0,
      header: try steps.header.withUnsafeBytes { bytes throws(WireError) in
        try Header(bytes: bytes)
      }, payload: steps.payload, given: steps.given, note: steps.note)
  }

  // MARK: Saved

  /// A worker has saved a stream's messages before a place.
  func save(_ stream: IngressStream, before place: MessagePlace) {
    while let first = stream.unsaved.first, first.place < place {
      stream.unsaved.removeFirst()
      settle(first)
    }
    if stream.unsaved.isEmpty { stream.unsaved = [] }
  }

  /// Nothing of a stream is to be kept any more.
  func forget(_ stream: IngressStream) {
    for message in stream.unsaved { settle(message) }
    stream.unsaved = []
  }

  private func settle(_ message: Unsaved) {
    if message.group == number {
      unsaved -= 1
    } else if let first = kept.first, message.group >= first.number {
      kept[Int(message.group - first.number)].unsaved -= 1
    }
  }

  /// Lets the oldest groups go that nobody needs; streams that stand in no later one get rows.
  func trim() {
    var changes: [StoreChange] = []
    var settled: [IngressStream] = []
    var last: UInt64?
    while let first = kept.first, first.unsaved == 0, store.isCommitted(first.ticket) {
      kept.removeFirst()
      last = first.number
      for stream in first.streams where stream.loggedGroup == first.number {
        settled.append(stream)
        changes.append(row(of: stream))
      }
    }
    guard let last else { return }
    changes.append(.trim(through: last))
    let ticket = store.submit(rows: changes)
    for stream in settled { stream.rowTicket = ticket }
    keepTime()
  }

  /// Writes where a stream stands before its group goes, which others may keep.
  ///
  /// What a later group says of it is newer.
  func writeRow(of stream: IngressStream) {
    let change = row(of: stream)
    stream.rowTicket = store.submit(rows: [change])
  }

  /// The row of a stream that stands in no group any more.
  private func row(of stream: IngressStream) -> StoreChange {
    stream.loggedGroup = 0
    var standing = stream.standing
    standing.usedMilliseconds = stream.usedMilliseconds &+ timeOffset
    return .standing(stream.id.name, stream.isForgotten ? nil : standing)
  }

  /// Keeps, now and then, how long daemons have run with this store.
  func keepTime() {
    guard clock.milliseconds >= nextTimeMilliseconds else { return }
    nextTimeMilliseconds = clock.milliseconds + Limits.runTimeMilliseconds
    store.submit([.runTime(milliseconds: clock.milliseconds &+ timeOffset)])
  }

  /// The time so long ago, as rows have it; 0 where nothing is as old.
  func time(idleMilliseconds: UInt64) -> UInt64 {
    let now = clock.milliseconds &+ timeOffset
    return now - min(now, idleMilliseconds)
  }

  // MARK: Restart

  /// Takes what a process before this one has left: `body` gets each record, oldest first, and gives
  /// the stream that it belongs to.
  func restore(_ body: (InputRecord) throws -> IngressStream?) throws {
    try store.forEachInputGroup { group, records in
      var streams: [IngressStream] = []
      var count = 0
      for record in records {
        guard let stream = try body(record) else { continue }
        for steps in record.steps {
          let message = try InputLog.message(steps, of: stream.id)
          stream.unsaved.append(Unsaved(place: message.header.place, group: group))
          count += 1
        }
        if stream.loggedGroup != group {
          stream.loggedGroup = group
          streams.append(stream)
        }
      }
      kept.append(Kept(number: group, ticket: .committed, unsaved: count, streams: streams))
      handedOn = group
      number = group + 1
    }
  }
}

/// A message to a worker that the worker has not saved yet.
struct Unsaved {
  let place: MessagePlace
  let group: UInt64
}
