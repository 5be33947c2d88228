import Durability
import Wire

/// Streams taken as a whole, and begun from such a whole.
extension TokenizerLoop {
  /// Takes an open stream as it stands now; `then` gets it when its worker has answered.
  ///
  /// The stream goes on meanwhile: what it is sent from now on is not in it.
  func takeSnapshot(
    of stream: IngressStream, then: @escaping (StateQuestion.Answer) throws -> Void
  ) throws {
    guard stream.messages > 0 else {
      return try then(.success(StreamSnapshot(standing: stream.standing, memory: nil)))
    }
    try ask(.state, about: stream, then: then)
  }

  /// Asks a stream's worker, behind everything that it was sent.
  func ask(
    _ kind: StateQuestion.Kind, about stream: IngressStream,
    then: @escaping (StateQuestion.Answer) throws -> Void
  ) throws {
    nextQuestion += 1
    let question = StateQuestion(
      kind, number: nextQuestion, of: stream,
      dueMilliseconds: control.clock.milliseconds + Limits.questionMilliseconds, then: then)
    questions[question.number] = question
    var part = UnderWay(
      connection: nil, firstStep: stream.nextStep, endStep: stream.nextStep,
      endInput: stream.sequence.expected, ends: [], units: 0, isEnd: false, isPeek: true,
      place: MessagePlace(life: stream.life), readNanoseconds: 0)
    part.question = question
    stream.underWay.append(part)
    underWay += 1
    var header = Header(kind: .data)
    header.flags = .peek
    header.elementType = .json
    header.count = 1
    header.width = UInt32(kind.bytes.count)
    header.number = stream.nextStep
    header.model = question.number
    try post(header, kind.bytes, to: stream, isKept: false)
  }

  /// Sends a stream's worker what is no step, in order; with a store, behind a commit.
  func post(
    _ header: Header, _ payload: [UInt8], to stream: IngressStream, isKept: Bool
  ) throws {
    var header = header
    if !header.isQuestion { header.generation = advanceGeneration(of: stream) }
    guard let log else {
      return try stream.id.withBytes { name in
        try payload.withUnsafeBytes {
          try workers[stream.worker].send(header, stream: name, payload: $0, units: 0)
        }
      }
    }
    let message = InputLog.Message(
      stream: stream.id, worker: stream.worker, header: header, payload: payload, given: [],
      note: [])
    if isKept {
      log.append(message, inputEnds: [])
    } else {
      log.append(unkept: message)
    }
  }

  // MARK: Answers

  /// Takes a worker's answer to a question that stood in its place among the stream's messages.
  func deliver(
    _ message: InboundMessage, to question: StateQuestion, about stream: IngressStream
  ) throws {
    guard question.kind == .state else {
      questions[question.number] = nil
      return try question.finish(
        .success(StreamSnapshot(standing: question.standing, memory: nil)))
    }
    let standing = question.standing
    let memory = try? StreamSnapshot.Memory(bytes: message.payload)  // why: said below
    guard let checkpoint = memory?.checkpoint, checkpoint.life == standing.life,
      checkpoint.messages == standing.messages
    else {
      questions[question.number] = nil
      return try question.fail("the inference stage has no state of it")
    }
    question.checkpoint = checkpoint
    // Answers before this one have come.
    if stream.life == standing.life { question.standing.nextAnswer = stream.nextAnswer }
    try finish(question)
  }

  /// Takes the sink's part of an answer.
  func deliverAlarm(_ message: InboundMessage) throws {
    guard let question = questions[message.header.model] else { return }
    question.alarm = Array(message.payload)
    try finish(question)
  }

  private func finish(_ question: StateQuestion) throws {
    guard let checkpoint = question.checkpoint, question.alarm != nil || !stage.form.hasAlarm
    else { return }
    questions[question.number] = nil
    try question.finish(
      .success(
        StreamSnapshot(
          standing: question.standing,
          memory: .init(checkpoint: checkpoint, alarm: question.alarm ?? []))))
  }

  /// Once a turn: gives up what was asked too long ago.
  func giveUpQuestions() throws {
    guard !questions.isEmpty else { return }
    let now = control.clock.milliseconds
    guard now >= nextQuestionCheckMilliseconds else { return }
    nextQuestionCheckMilliseconds = now + 200
    for question in questions.values where now >= question.dueMilliseconds || question.isDone {
      questions[question.number] = nil
      try question.fail("the inference stage has not answered; ask again")
    }
  }

  // MARK: Beginning

  /// Begins a life from a snapshot, in the place of what was there under that name.
  ///
  /// - Throws: `busy` where no more streams may be open.
  func beginLife(
    from snapshot: StreamSnapshot, as id: StreamID, event: String
  ) throws -> IngressStream {
    let known = try self.known(id)
    let wasOpen = known?.sequence.phase == .open
    guard wasOpen || openStreams < stage.liveStreams || makeRoom() else {
      throw ControlRefusal(.busy, tooManyStreams.refusal.message)
    }
    let stream = known ?? IngressStream(id: id, worker: worker(of: id))
    streams[id] = stream
    if !wasOpen { openStreams += 1 }
    lost.remove(id)
    let cached = isBack(stream, snapshot.standing) ? stream.newestCached : nil
    cache.forget(stream)
    var standing = snapshot.standing
    var flags = MessageFlags(rawValue: standing.pendingFlags)
    if snapshot.memory == nil { flags.insert(.start) } else { flags.remove(.start) }
    standing.pendingFlags = flags.rawValue
    (standing.life, standing.messages, standing.isClosed) = (drawLife(), 0, false)
    standing.movedTo = ""
    try stream.restore(standing)
    stream.isClaimed = cached == nil
    if let cached { stream.newestCached = cached }
    stream.isForgotten = false
    stream.answered = standing.nextAnswer
    use(stream)
    if let memory = snapshot.memory {
      let payload = memory.bytes
      var header = Header(.data, state: payload.count, flags: .start)
      header.number = memory.checkpoint.nextStep
      header.epoch = standing.epoch
      header.place = MessagePlace(life: stream.life)
      stream.messages = 1
      try post(header, payload, to: stream, isKept: true)
    }
    log?.record(stream)
    tap?.publish(
      event: "{\"event\":\"\(event)\",\"stream\":\"\(id)\",\"number\":\(standing.expected)}")
    return stream
  }

  /// Whether a stream that went away comes back as it went, before its client did: what a restart has
  /// computed again for that one is still to be heard.
  private func isBack(_ stream: IngressStream, _ standing: StreamStanding) -> Bool {
    !stream.movedTo.isEmpty && !stream.isClaimed && stream.sequence.epoch == standing.epoch
      && stream.firstInput == standing.firstInput && stream.answered == standing.nextAnswer
  }

  /// Has a stream's worker and the sink let go of it, without an answer; its life is over here.
  func letGo(_ stream: IngressStream) throws {
    if stream.messages > 0 {
      var header = Header(.data, state: 0, flags: .end)
      header.number = stream.nextStep
      header.place = MessagePlace(life: stream.life, messages: stream.messages)
      stream.messages += 1
      try post(header, [], to: stream, isKept: true)
    }
    if stream.sequence.phase == .open { openStreams -= 1 }
    stream.sequence.close()
    dropHistory(of: stream.id)
    log?.record(stream)
    closed.append(stream.id)
    try forgetOldest()
  }

  /// Calls `body` once what this turn has changed is as durable as the pipeline promises; in the order of
  /// the calls.
  func whenDurable(_ body: @escaping () throws -> Void) rethrows {
    guard let log else { return try body() }
    let group = log.gathering
    controlTasks.append {
      guard log.handedOn >= group else { return false }
      try body()
      return true
    }
  }

  /// Replies once what this turn has changed is durable.
  func reply(_ reply: ControlReply, afterCommitTo asker: ControlSocket.Asker) {
    whenDurable { [unowned self] in controlSocket?.reply(reply, to: asker) }
  }
}
