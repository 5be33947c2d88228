import Durability
import Recurrence
import Wire

/// What the store adds: states that are not in memory, and checkpoints.
///
/// A message is known by its place, the life of its stream and its number in that life: what comes
/// again is passed over, and nothing is taken behind a hole.
extension InferenceLoop {
  /// The stream that a message goes to; nil when it is not to be taken.
  ///
  /// `model` is the one that takes its steps.
  func stream(
    for id: StreamID, _ header: Header, _ model: WorkerModel
  ) throws -> InferenceStream? {
    let known = try streams[id] ?? parked(id, header, model)
    if header.flags.contains(.peek) {
      // A question before the first step, or about a state that is lost, is one to a zero state.
      if let known { return known }
      let stream = InferenceStream(id: id, model: model)
      streams[id] = stream
      return stream
    }
    let place = header.place
    guard let known, known.queued.life == place.life else {
      if let known, place.life < known.queued.life {
        tellSaved(known.saved, of: id)
        return nil
      }
      guard place.messages == 0 else {
        refuseLost(id, header)
        return nil
      }
      let stream = known ?? InferenceStream(id: id, model: model)
      stream.queued = MessagePlace(life: place.life, messages: 1)
      streams[id] = stream
      return stream
    }
    guard place.messages <= known.queued.messages else {
      refuseLost(id, header)
      return nil
    }
    guard place.messages == known.queued.messages else {
      tellSaved(known.saved, of: id)
      return nil
    }
    known.queued.messages += 1
    return known
  }

  /// A stream that is not in memory, as its checkpoint has it.
  private func parked(
    _ id: StreamID, _ header: Header, _ model: WorkerModel
  ) throws -> InferenceStream? {
    // A life that begins for the first time needs nothing of what was.
    guard header.flags.contains(.peek) || header.place.messages > 0 || header.isReplayed,
      let checkpoint = try checkpoints?.store.checkpoint(of: id.name)
    else { return nil }
    // Where its model is gone, it goes over at once.
    let own = models.known(checkpoint.generation)
    let stream = InferenceStream(id: id, model: own ?? model)
    if checkpoint.isEnded {
      stream.applied = MessagePlace(life: checkpoint.life, messages: checkpoint.messages)
      stream.queued = stream.applied
      stream.saved = stream.applied
    } else {
      try stream.restore(
        checkpoint,
        by: models.passage(from: checkpoint.generation, to: stream.model))
      // A question changes nothing.
      if own != nil || !header.flags.contains(.peek) { streams[id] = stream }
      // What comes again may all be passed over.
      idleOrder.use(stream, at: control.clock.milliseconds)
    }
    return stream
  }

  /// Lets streams leave memory that have been idle for `park-after`, and the idlest of more than
  /// `live-streams`.
  private func parkIdle() {
    if !parkWanted.isEmpty { parkWantedStreams() }
    let isFull = streams.count > stage.liveStreams
    guard let idle = isFull ? 0 : stage.parkMilliseconds else {
      isParking = false
      return
    }
    let parked = idleOrder.sweep(
      idleMilliseconds: idle, at: control.clock.milliseconds, limit: Limits.drainMessages
    ) { stream in
      guard streams[stream.id] === stream else { return true }
      guard isAtRest(stream) else { return false }
      streams[stream.id] = nil
      return true
    }
    isParking = parked > 0
  }

  /// Whether the store has all that there is to know of a stream.
  func isAtRest(_ stream: InferenceStream) -> Bool {
    stream.runs.isEmpty && stream.generation == nil && !stream.isDirty && !stream.isSavingDue
      && !stream.isReady && stream.saved == stream.applied
  }

  /// A message was applied: its state is to be saved.
  func touch(_ stream: InferenceStream) {
    if stream.isSavingDue { save(stream) } else { checkpoints?.touch(stream) }
  }

  private func save(_ stream: InferenceStream) {
    stream.isDirty = false
    stream.isSavingDue = false
    checkpoints?.append(
      .init(stream: stream.id, place: stream.applied, checkpoint: stream.checkpoint))
  }

  /// A life is over: that is all that is to be known of it.
  func saveEnd(of stream: InferenceStream) {
    guard let checkpoints else { return }
    var checkpoint = StreamCheckpoint(
      life: stream.applied.life, messages: stream.applied.messages, nextStep: stream.nextStep,
      stepsSinceReset: 0, stepsSinceAnswer: 0, last: nil, state: [])
    checkpoint.isEnded = true
    checkpoints.append(
      .init(stream: stream.id, place: stream.applied, checkpoint: checkpoint))
  }

  /// Once a turn: takes checkpoints of streams whose turn it is, and tells the tokenizer stage what has
  /// been committed.
  func saveStates() throws {
    guard let checkpoints else { return }
    let isStopping = control.stop.isRaised
    parkIdle()
    for stream in checkpoints.nextStreams(isStopping: isStopping) {
      // It ended meanwhile, or was begun anew.
      guard stream.isDirty, streams[stream.id] === stream else { continue }
      if stream.generation != nil || stream.runs.first.map({ $0.done > 0 && !$0.isPeek }) ?? false {
        stream.isSavingDue = true
      } else {
        save(stream)
      }
    }
    // Without a welcome nobody knows what the sink has of it: what is closed now is forgotten with the next.
    checkpoints.close(sent: sink.isWelcome ? sink.sent : .max) {
      tellSaved($0.place, of: $0.stream, asksLeave: true)
    }
    let window = Limits.sinkAnswers
    try checkpoints.advance(
      written: sink.credit > window ? sink.credit - window : 0, isStopping: isStopping
    ) { entry in
      if let stream = streams[entry.stream] { stream.saved = max(stream.saved, entry.place) }
      tellSaved(entry.place, of: entry.stream)
    }
  }

  /// Tells the tokenizer stage which messages of a stream it need not keep any more, or asks for leave
  /// to save them.
  private func tellSaved(_ place: MessagePlace, of id: StreamID, asksLeave: Bool = false) {
    guard let upstream, place.messages > 0 else { return }
    var header = Header(kind: .acknowledge)
    header.elementType = .json
    header.count = 1
    header.number = place.messages
    header.input = place.life
    if asksLeave { header.asksLeave = true }
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    id.withBytes {
      link.send(
        header, stream: $0, payload: nothing, ids: nothing, note: nothing, isCredited: true,
        to: upstream)
    }
  }
}
