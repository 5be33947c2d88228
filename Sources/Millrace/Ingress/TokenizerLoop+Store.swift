import DequeModule
import Durability
import Wire

/// What the store adds: streams that are not in memory, input that is handed on once it is durable,
/// and sent again to a worker that lost it.
extension TokenizerLoop {
  /// The inference worker that a stream always goes to.
  func worker(of id: StreamID) -> Int { Int(id.stableHash % UInt64(stage.workers)) }

  /// A stream in memory, or as the store has it; nil for one that never was.
  func known(_ id: StreamID) throws -> IngressStream? {
    if let known = streams[id] { return known }
    guard let standing = try log?.store.standing(of: id.name) else { return nil }
    if !standing.isClosed, openStreams >= stage.liveStreams, !makeRoom() {
      throw tooManyStreams
    }
    let stream = try IngressStream(id: id, worker: worker(of: id), standing: standing)
    // Whoever sends to it has been heard since this process began the life, and then it was parked.
    stream.isClaimed = standing.life >= firstLife
    streams[id] = stream
    try recallAnswers(of: stream)
    if stream.sequence.phase == .open {
      openStreams += 1
      models.park(stream, by: -1)
    }
    use(stream)
    return stream
  }

  /// Where a stream stands that is not in memory, as its row in the store says.
  ///
  /// It stays where it is: nothing of it is under way or in the cache, and a hello may name more
  /// streams than there is room for.
  func parkedStanding(_ standing: StreamStanding?) -> Welcome.Stream {
    guard let standing else {
      return Welcome.Stream(expected: nil, closed: false, answers: 0)
    }
    return Welcome.Stream(
      expected: standing.expected, closed: standing.isClosed && standing.movedTo.isEmpty,
      answers: standing.nextAnswer, epoch: standing.epoch)
  }

  // MARK: Parking

  /// A stream is sent to, or asked after.
  func use(_ stream: IngressStream) {
    if log != nil || stage.expireMilliseconds != nil {
      idleOrder.use(stream, at: control.clock.milliseconds)
    }
  }

  /// Lets streams leave memory that have been idle for `park-after`.
  func parkIdle() {
    guard let idle = stage.parkMilliseconds else { return }
    let parked = idleOrder.sweep(
      idleMilliseconds: idle, at: control.clock.milliseconds, limit: Limits.drainMessages
    ) { park($0) }
    isParking = parked > 0
  }

  /// Streams that get a row in one look for room, so that the next look may let them leave.
  private static let roomRows = 16

  /// Lets those leave that have been idle the longest, so that another one may be open.
  func makeRoom() -> Bool {
    let now = control.clock.milliseconds
    // Where all have been looked at in vain, the next look would be as well.
    guard log != nil, now >= nextRoomMilliseconds else { return false }
    var rowsLeft = TokenizerLoop.roomRows
    while openStreams >= stage.liveStreams {
      let parked = idleOrder.sweep(
        idleMilliseconds: 0, at: now, limit: Limits.examinedStreams, most: 1
      ) { stream in
        if park(stream) { return true }
        if rowsLeft > 0, isBehindOthers(stream) {
          log?.writeRow(of: stream)
          rowsLeft -= 1
        }
        return false
      }
      guard parked > 0 else {
        nextRoomMilliseconds = now + TokenizerLoop.roomMilliseconds
        return false
      }
    }
    return true
  }

  /// Whether only others' input, older and not saved yet, keeps a stream in the log: for as long as
  /// replies are held for somebody who does not come, that may be.
  private func isBehindOthers(_ stream: IngressStream) -> Bool {
    stream.sequence.phase == .open && stream.loggedGroup != 0 && stream.underWay.isEmpty
      && stream.unsaved.isEmpty && held[stream.id] == nil && leaveAsked[stream.id] == nil
      && streams[stream.id] === stream
  }

  /// Lets a stream leave memory that is at rest; the store has all that there is to know of it.
  func park(_ stream: IngressStream) -> Bool {
    guard stream.underWay.isEmpty, stream.unsaved.isEmpty, stream.loggedGroup == 0,
      held[stream.id] == nil, log?.store.isCommitted(stream.rowTicket) ?? true,
      leaveAsked[stream.id] == nil, streams[stream.id] === stream
    else { return streams[stream.id] !== stream }
    streams[stream.id] = nil
    // The store has its answers still, if any were left of it.
    if !stream.isClaimed, stream.newestCached >= 0 { leaving.streams.insert(stream.id) }
    if stream.sequence.phase == .open {
      openStreams -= 1
      models.park(stream, by: 1)
    }
    return true
  }

  var tooManyStreams: RefusedMessage {
    RefusedMessage(
      .tooManyStreams, expected: "\(stage.liveStreams)", received: "\(openStreams + 1)",
      message: "\(openStreams) streams are open; end some, or raise limits.live-streams")
  }

  var tooManyStreamsAtAll: RefusedMessage {
    RefusedMessage(
      .tooManyStreams, expected: "\(stage.streams)", received: "\(allOpenStreams + 1)",
      message: "\(allOpenStreams) streams are open, parked ones among them; end some, or raise "
        + "limits.streams")
  }

  // MARK: A full disk

  /// Says when the store waits for room, and when it goes on: input waits with it.
  func tellStall() {
    guard let log else { return }
    let stall = log.store.isStalled ? log.store.stalled : nil
    guard (stall == nil) != (toldStall == nil) else { return }
    toldStall = stall
    ingressMetrics.storeStalled.set(stall == nil ? 0 : 1)
    if let stall {
      control.logger.error(
        "the store cannot be written; input waits until there is room",
        metadata: ["store": "\(log.store.path)", "reason": "\(stall)"])
      tap?.publish(event: "{\"event\":\"store-full\",\"reason\":\(JSONText.quoted(stall))}")
    } else {
      control.logger.notice("the store is written again", metadata: ["store": "\(log.store.path)"])
      tap?.publish(event: "{\"event\":\"store-goes-on\"}")
    }
  }

  // MARK: Restart

  /// Takes up what a process before this one left: streams with input that no worker has saved.
  func restore() throws {
    guard let log else { return }
    try log.restore { record in
      guard let id = StreamID(record.stream) else { return nil }
      if streams[id] == nil, let row = try log.store.standing(of: record.stream), !row.isClosed {
        models.park(generation: row.generation, by: -1)
      }
      let stream = streams[id] ?? IngressStream(id: id, worker: worker(of: id))
      try stream.restore(record.standing)
      streams[id] = stream
      for steps in record.steps { try takeUp(steps, of: stream) }
      return stream
    }
    try findLeftAnswers()
    for stream in streams.values { try recallAnswers(of: stream) }
    openStreams = streams.values.count { $0.sequence.phase == .open }
    // Rows may lag behind what the groups say of the streams that are in memory now.
    allOpenStreams = try log.store.openStreamCount()
    for stream in streams.values {
      // Nobody may come for it: it is parked all the same.
      use(stream)
      let wasOpen = try log.store.standing(of: stream.id.name).map { !$0.isClosed } ?? false
      allOpenStreams += (stream.sequence.phase == .open ? 1 : 0) - (wasOpen ? 1 : 0)
    }
    closed += streams.values.filter { $0.sequence.phase == .closed }.map(\.id)
    for name in try log.store.endedStreams(in: .standings) {
      if let id = StreamID(name) { closed.append(id) }
    }
  }

  private func takeUp(_ steps: InputRecord.Steps, of stream: IngressStream) throws {
    let header = try steps.header.withUnsafeBytes { bytes throws(WireError) in
      try Header(bytes: bytes)
    }
    // Nothing is answered to a state.
    guard !header.carriesState else { return }
    stream.underWay.append(
      UnderWay(
        connection: nil, firstStep: header.number, endStep: header.end,
        endInput: stream.sequence.expected, ends: steps.inputEnds, units: 0,
        isEnd: header.flags.contains(.end), isPeek: false, place: header.place,
        generation: header.generation,
        readNanoseconds: 0, parent: nil))
    underWay += 1
  }

  /// Acknowledges and hands on what has been committed, as far as workers have credit.
  func passOn() throws {
    guard let log else { return }
    try log.advance {
      link.acknowledge($0, to: $1)
    } forward: {
      outbound[$0.worker].append($0)
    }
    log.trim()
    for (index, worker) in workers.enumerated() {
      while worker.available > 0, let message = outbound[index].popFirst() {
        try message.stream.withBytes { name in
          try message.payload.withUnsafeBytes { payload in
            try message.given.withUnsafeBytes { given in
              try message.note.withUnsafeBytes { note in
                try worker.send(
                  message.header, stream: name, payload: payload, ids: given, note: note,
                  units: UInt64(message.header.stepCount))
              }
            }
          }
        }
      }
    }
  }

  /// Sends a worker again what it may have lost: all that it has not saved.
  func replay(to worker: Int) throws {
    guard let log else { return }
    for stream in streams.values where stream.worker == worker { try dropPeeks(at: stream) }
    outbound[worker] = []
    try log.forEachKept { message in
      guard let stream = streams[message.stream], stream.worker == worker,
        let first = stream.unsaved.first
      else { return }
      let place = message.header.place
      guard place >= first.place else { return }
      var message = message
      let next = stream.underWay.first { !$0.isPeek }
      message.header.isReplayed = true
      message.header.isAgain = next.map { place < $0.place } ?? true
      outbound[worker].append(message)
    }
    guard !outbound[worker].isEmpty else { return }
    control.logger.notice(
      "replaying", metadata: ["worker": "\(worker)", "messages": "\(outbound[worker].count)"])
  }

  /// Questions are lost with a worker: whoever asked may ask again.
  private func dropPeeks(at stream: IngressStream) throws {
    for part in stream.underWay where part.isPeek {
      underWay -= 1
      try part.question?.fail("the inference stage was started anew; ask again")
      guard part.question == nil, let connection = part.connection else { continue }
      connection.release(units: part.units)
      var header = Header(kind: .data)
      header.number = stream.sequence.expected
      header.epoch = stream.sequence.epoch
      refuse(
        Refusal(
          .stopping, expected: "a worker", received: "a new one",
          message: "the inference stage was started anew; ask again"),
        header, of: stream.id, connection)
    }
    stream.underWay.removeAll(where: \.isPeek)
  }

  /// A worker may save a stream: whoever its answers are for has them, or they are in the cache.
  ///
  /// Answers that a restart has computed again wait for their client to come back: behind a
  /// checkpoint, another crash would lose them for good.
  func giveLeave(to stream: IngressStream, before place: MessagePlace) throws {
    guard mayBeSaved(stream) else {
      leaveAsked[stream.id] = place
      return
    }
    try sendLeave(for: stream.id, before: place)
  }

  /// Whether somebody is there for its answers, or has been waited for long enough.
  private func mayBeSaved(_ stream: IngressStream) -> Bool {
    stream.isClaimed || !stage.replies || isLeaveDue || hasLeftAnswers
  }

  /// Before this stage ends: workers save what they were sent as far as its answers have come here.
  ///
  /// Where it could not wait, the log is kept of what has not come, and of what nobody has come for, and
  /// the next start has it answered again.
  func giveLastLeave() throws {
    guard log != nil else { return }
    for stream in streams.values where !stream.unsaved.isEmpty && mayBeSaved(stream) {
      let next = stream.underWay.first { !$0.isPeek }?.place
      let end = MessagePlace(life: stream.life, messages: stream.messages)
      try sendLeave(for: stream.id, before: next ?? end)
    }
  }

  /// What a worker says of a stream that was forgotten here: its state may be saved.
  func deliver(_ message: InboundMessage, of id: StreamID) throws {
    guard message.header.kind == .acknowledge, message.header.asksLeave else { return }
    try sendLeave(
      for: id,
      before: MessagePlace(life: message.header.input, messages: message.header.number))
  }

  func sendLeave(
    for id: StreamID, before place: MessagePlace, isUrgent: Bool = false
  ) throws {
    var header = Header(kind: .acknowledge)
    header.number = place.messages
    header.input = place.life
    if isUrgent { header.isUrgent = true }
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    try id.withBytes {
      try workers[worker(of: id)].send(header, stream: $0, payload: nothing, units: 0)
    }
  }

  /// Somebody sends to a stream that nobody has greeted for since the start: what was computed again
  /// meanwhile goes there, in front of what is still to come.
  ///
  /// - Returns: whether nobody had.
  func claim(_ stream: IngressStream, by connection: Connection) -> Bool {
    guard !stream.isClaimed else { return false }
    redirect(stream, to: connection)
    for answer in cache.answers(of: stream, from: 0) {
      reply(answer, of: stream, isAgain: true, to: connection)
    }
    return true
  }

  /// Whether the first message since a restart, a START, is that of the life that ended before: it was
  /// on its way, and its sender has not heard that it was applied.
  ///
  /// A producer without an epoch cannot be told from another one, so that it begins anew.
  func isOfEndedLife(_ header: Header, of stream: IngressStream) -> Bool {
    let sequence = stream.sequence
    return sequence.phase == .closed && header.epoch > 0 && header.epoch == sequence.epoch
      && header.number >= stream.firstInput && header.end <= sequence.expected
  }

  /// Once a turn, for streams that have been greeted for, or that nobody came for.
  func giveOverdueLeave() throws {
    guard !leaveAsked.isEmpty else { return }
    for (id, place) in leaveAsked {
      guard let stream = streams[id], mayBeSaved(stream) else { continue }
      leaveAsked[id] = nil
      try giveLeave(to: stream, before: place)
    }
  }

  /// A worker has saved a stream's messages before a place: they have been answered long ago.
  func saved(_ stream: IngressStream, before place: MessagePlace) {
    while let first = stream.underWay.first, !first.isPeek, first.place < place {
      stream.underWay.removeFirst()
      underWay -= 1
      first.connection?.release(units: first.units)
    }
    if stream.underWay.isEmpty { stream.underWay = [] }
    log?.save(stream, before: place)
  }

  /// Forgets a stream that ended long ago, unless it has begun anew or is not at rest.
  func forget(_ id: StreamID) throws {
    guard let stream = try known(id), stream.sequence.phase == .closed, stream.underWay.isEmpty
    else { return }
    if let log {
      stream.isForgotten = true
      // Where a group still has it, its row goes with that group.
      if stream.loggedGroup == 0 { log.store.submit(rows: [.standing(id.name, nil)]) }
    }
    streams[id] = nil
  }
}
