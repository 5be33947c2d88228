import Durability
import Wire

/// `state: { keep: N }`: the last checkpoints of a stream, and `streams.rewind`, which goes back to one.
extension TokenizerLoop {
  /// A stream has moved on: it is due at the next round.
  func noteForHistory(_ stream: IngressStream) {
    guard stage.keep != nil, !stream.isKeepDue else { return }
    stream.isKeepDue = true
    keepDue.append(stream)
  }

  /// Once a turn: takes a few of the checkpoints that are due.
  func keepHistory() throws {
    guard let keep = stage.keep, !isStopping, !keepDue.isEmpty || !keepRound.isEmpty else { return }
    let now = control.clock.milliseconds
    if keepRound.isEmpty {
      guard now >= nextKeepMilliseconds else { return }
      nextKeepMilliseconds = now + keep.everyMilliseconds
      keepRound = keepDue
      keepDue.removeAll()
    }
    for _ in 0..<min(keepRound.count, Limits.drainMessages) {
      let stream = keepRound.removeFirst()
      stream.isKeepDue = false
      guard stream.sequence.phase == .open, streams[stream.id] === stream else { continue }
      let life = stream.life
      try takeSnapshot(of: stream) { [unowned self] answer in
        // One that was not to be had is missed; the next round takes another.
        guard case .success(let snapshot) = answer, stream.life == life,
          stream.sequence.phase == .open
        else { return }
        self.keep(snapshot, of: stream.id, count: keep.count)
      }
    }
  }

  private func keep(_ snapshot: StreamSnapshot, of id: StreamID, count: Int) {
    let number = snapshot.standing.expected
    if let log {
      log.store.submit([.addPast(id.name, number: number, snapshot, count: count)])
    } else {
      history.keep(snapshot.bytes, number: number, of: id)
    }
  }

  /// A life is over, or goes back: what was kept beyond `number` is of no use; all, where it is nil.
  func dropHistory(of id: StreamID, beyond number: UInt64? = nil) {
    guard stage.keep != nil else { return }
    if let log {
      log.store.submit([.dropPast(id.name, beyond: number)])
    } else {
      history.drop(of: id, beyond: number)
    }
  }

  /// The numbers that a stream can be rewound to, oldest first.
  func keptNumbers(of id: StreamID) throws -> [UInt64] {
    guard stage.keep != nil else { return [] }
    return try log?.store.pastNumbers(of: id.name) ?? history.numbers(of: id)
  }

  func rewind(_ request: ControlRequest, for asker: ControlSocket.Asker) throws {
    let stream = try openStream(named: request.stream())
    try checkNotHeld(stream)
    let id = stream.id
    let to = try request.number("to")
    guard stage.keep != nil else {
      throw ControlRefusal(
        .noCheckpoint, "nothing is kept to rewind to; say state: { keep: 10 } in the pipeline file")
    }
    let expected = stream.sequence.expected
    // Without a number, one step back.
    let through = to ?? (expected > 0 ? expected - 1 : 0)
    guard through <= expected else {
      throw ControlRefusal(
        .noCheckpoint, "\(id) stands at \(expected); \(through) lies ahead of it")
    }
    let bytes =
      try log?.store.past(of: id.name, through: through)
      ?? history.newest(of: id, through: through)?.bytes
    guard let bytes else {
      let numbers = try keptNumbers(of: id).map(String.init).joined(separator: ", ")
      throw ControlRefusal(
        .noCheckpoint,
        "\(id) stands at \(expected) and has no checkpoint at or before \(through); there are "
          + (numbers.isEmpty ? "none" : numbers))
    }
    let snapshot: StreamSnapshot
    do {
      snapshot = try StreamSnapshot(bytes: bytes)
    } catch {
      throw ControlRefusal(.noCheckpoint, "the checkpoint of \(id) cannot be read: \(error)")
    }
    dropHistory(of: id, beyond: snapshot.standing.expected)
    let rewound = try beginLife(from: snapshot, as: id, event: "rewound")
    var reply = ControlReply()
    reply.fields.put("stream", id.name)
    reply.fields.put("expected", rewound.sequence.expected)
    reply.fields.put("steps", rewound.nextStep)
    reply.fields.put("was", expected)
    self.reply(reply, afterCommitTo: asker)
  }
}
