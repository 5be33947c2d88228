import Tokenization
import Wire

/// A client's data message, from the wire to the worker.
extension TokenizerLoop {
  func accept(_ message: InboundMessage, _ connection: Connection) throws {
    guard let id = message.stream, message.header.kind == .data else {
      throw WireError(
        .badHeader, "kind \(message.header.kind.name) came from a client", expected: "data")
    }
    metrics.messages.add(1)
    let units = UInt64(message.header.count)
    let isWithinCredit = connection.receive(units: units)
    let stepWidth = stage.encoding.stepWidth ?? 1
    if let refusal = models.stateForm.refusal(of: message, stepWidth: stepWidth) {
      // No life begins, and no number is used up.
      return refuse(refusal, message.header, of: id, connection)
    }
    do {
      try checkForm(message, connection, isWithinCredit: isWithinCredit)
      if try keepIfHeld(message, of: id, connection, units: units) { return }
      try checkRoom(for: id, units: units)
      if message.header.flags.contains(.peek) {
        try peek(message, at: id, connection, units: units)
      } else {
        try admit(message, of: stream(for: id), connection, units: units)
      }
    } catch let refusal as RefusedMessage {
      refuse(refusal.refusal, message.header, of: id, connection)
    }
  }

  /// What does not depend on where the stream stands.
  private func checkForm(
    _ message: InboundMessage, _ connection: Connection, isWithinCredit: Bool
  ) throws {
    let header = message.header
    let encoding = stage.encoding
    if isStopping {
      throw RefusedMessage(
        .stopping, expected: "nothing more", received: "data",
        message: "the daemon is stopping; send it again to the next one")
    }
    guard
      encoding.takes(header.elementType)
        || (header.elementType == .none && header.count == 0)
    else {
      throw RefusedMessage(
        .badDType, expected: encoding.elementType.name, received: header.elementType.name,
        message: "this pipeline takes \(encoding.elementType.name), not \(header.elementType.name)")
    }
    if header.flags.contains(.peek), header.flags != .peek {
      throw RefusedMessage(
        .badHeader, expected: "PEEK alone", received: "\(header.flags.rawValue)",
        message: "PEEK changes nothing; send START, END or RESET in a message of their own")
    }
    guard encoding.isText || header.count <= Limits.messageSteps else {
      throw RefusedMessage(
        .tooManySteps, expected: "\(Limits.messageSteps)", received: "\(header.count)",
        message: "a message of \(header.count) steps; send at most \(Limits.messageSteps) at once")
    }
    guard UInt64(header.count) <= connection.window else {
      throw RefusedMessage(
        .tooLarge, expected: "\(connection.window)", received: "\(header.count)",
        message: "the message is larger than a full credit of \(connection.window); cut it")
    }
    guard isWithinCredit else {
      throw RefusedMessage(
        .overCredit, expected: "\(connection.announced)", received: "\(connection.received)",
        message: "more was sent than the credit allows; wait for credit, then send it again")
    }
  }

  /// With `on-full: refuse`, whether the stream's worker takes more steps.
  private func checkRoom(for id: StreamID, units: UInt64) throws {
    guard stage.onFull == .refuse, units > 0 else { return }
    let worker = worker(of: id)
    // With a store, what is on its way to the worker waits in front of it.
    guard workers[worker].available == 0 || !outbound[worker].isEmpty else { return }
    throw RefusedMessage(
      .overLimit, expected: "room for a step", received: "\(Limits.workerSteps) under way",
      message: "the pipeline is full; send it again later, or send less")
  }

  func stream(for id: StreamID) throws -> IngressStream {
    if let known = try known(id) { return known }
    try checkRoomForOneMore()
    return IngressStream(id: id, worker: worker(of: id))
  }

  /// Whether one more stream may be open.
  private func checkRoomForOneMore() throws {
    guard allOpenStreams < stage.streams else { throw tooManyStreamsAtAll }
    guard openStreams < stage.liveStreams || makeRoom() else { throw tooManyStreams }
  }

  func admit(
    _ message: InboundMessage, of stream: IngressStream, _ connection: Connection, units: UInt64
  ) throws {
    let header = message.header
    let wasOpen = stream.sequence.phase == .open
    try checkMoved(header, of: stream, from: connection)
    use(stream)
    stream.sender = connection
    if claim(stream, by: connection), isOfEndedLife(header, of: stream) {
      return try repeated(message, of: stream, connection)
    }
    var sequence = stream.sequence
    let admission = sequence.admit(
      number: header.number, count: units, epoch: header.epoch, flags: header.flags,
      milliseconds: control.clock.milliseconds)
    if case .apply(_, begins: true, _) = admission, !wasOpen {
      // One that has ended needs room like any other; it may have left to make it.
      try checkRoomForOneMore()
      use(stream)
    }
    stream.sequence = sequence
    switch admission {
    case .apply(let skip, let begins, let resets):
      defer {
        log?.record(stream)
        noteForHistory(stream)
      }
      if begins {
        begin(stream, at: header.number, wasOpen: wasOpen)
        stream.given = [Float](copying: message.ids)
      }
      if skip > 0 { try checkConflict(message, with: stream) }
      try apply(message, skip: skip, resets: resets, to: stream, connection, units: units)
      tapInput(message, skip: skip, begins: begins, of: stream)
    case .duplicate, .endAgain:
      try repeated(message, of: stream, connection)
    case .refuse(.noStart, _) where lost.contains(stream.id):
      throw RefusedMessage(
        .stateLost, expected: "START", received: "\(header.number)",
        message: "the state of \(stream.id) was lost; begin the stream anew with START")
    case .refuse(let code, let expected):
      throw RefusedMessage(
        code, expected: "\(expected)", received: "\(header.number)",
        message: StreamSequence.explanation(of: code, expected: expected, stream: stream.id))
    case .passOver: break
    }
  }

  /// Tells a client that its input is as durable as the pipeline promises, once it is.
  private func acknowledge(
    _ stream: IngressStream, below number: UInt64, to connection: Connection
  ) {
    let acknowledgement = Acknowledgement(
      stream: stream.id, number: number, epoch: stream.sequence.epoch)
    if let log {
      log.acknowledge(acknowledgement, to: connection)
    } else {
      link.acknowledge(acknowledgement, to: connection)
    }
  }

  private func begin(_ stream: IngressStream, at number: UInt64, wasOpen: Bool) {
    streams[stream.id] = stream
    lost.remove(stream.id)
    if !wasOpen {
      openStreams += 1
      allOpenStreams += 1
    }
    cache.forget(stream)
    dropHistory(of: stream.id)
    stream.begin(life: drawLife(), at: number, step: stage.encoding.countsSteps ? 0 : number)
    stream.generation = models.series.current.generation
    tap?.publish(
      event: "{\"event\":\"start\",\"stream\":\"\(stream.id)\",\"number\":\(number)}")
  }

  /// Acknowledges what was applied before, and sends its cached answers again.
  private func repeated(
    _ message: InboundMessage, of stream: IngressStream, _ connection: Connection
  ) throws {
    let header = message.header
    try checkConflict(message, with: stream)
    redirect(stream, to: connection)
    tellMissing(to: message, of: stream, connection)
    acknowledge(stream, below: stream.sequence.expected, to: connection)
    let answers = cache.answers(
      of: stream, toInputIn: (header.number &+ 1)...max(header.end, header.number &+ 1))
    for answer in answers { reply(answer, of: stream, isAgain: true, to: connection) }
    for refused in cache.refusals(of: stream, in: header.number..<header.end) {
      stream.id.withBytes {
        link.refuse(
          refused.refusal, to: connection, stream: $0, header: refused.header, usesNumbersUp: true)
      }
    }
  }

  /// Says how much of a message that comes again has answers that are gone.
  private func tellMissing(
    to message: InboundMessage, of stream: IngressStream, _ connection: Connection
  ) {
    let header = message.header
    let isClosed = header.flags.contains(.end) && cache.missesEnd(of: stream)
    let missing = cache.missing(of: stream, from: header.number).map { min($0, header.end) }
    guard isClosed || missing ?? 0 > header.number else { return }
    let number = isClosed ? stream.sequence.expected : missing ?? 0
    link.tellMissing(
      Acknowledgement(stream: stream.id, number: number, epoch: stream.sequence.epoch),
      isClosed: isClosed, to: connection)
  }

  /// Refuses numbers that come again with other bytes.
  private func checkConflict(_ message: InboundMessage, with stream: IngressStream) throws {
    let header = message.header
    guard
      cache.conflicts(
        input: message.payload, first: header.number, elementBytes: elementBytes(of: header),
        with: stream)
    else { return }
    throw RefusedMessage(
      .conflict, expected: "the bytes that were applied", received: "other bytes",
      message: "numbers from \(header.number) were applied with other bytes; "
        + "start a new epoch to send another stream")
  }

  // MARK: Applying

  private func apply(
    _ message: InboundMessage, skip: Int, resets: Bool, to stream: IngressStream,
    _ connection: Connection, units: UInt64
  ) throws {
    let header = message.header
    let elementBytes = elementBytes(of: header)
    let payload = UnsafeRawBufferPointer(rebasing: message.payload.dropFirst(skip * elementBytes))
    if resets { try reset(stream, message, connection) }
    // Numbers that a refusal used up have no step.
    if !stage.encoding.countsSteps { stream.nextStep = header.number + UInt64(skip) }
    if resets { stream.sequenceStart = stream.nextStep }
    step.removeAll()
    cache.keep(
      input: payload, first: header.number + UInt64(skip), elementBytes: elementBytes, of: stream)
    do {
      try encode(payload, header, for: stream)
    } catch let refusal as RefusedMessage {
      // The numbers are used up: the same bytes would be refused for ever.
      stream.sequence.advance(to: header.end)
      acknowledge(stream, below: header.end, to: connection)
      refuseForGood(refusal.refusal, header, of: stream, connection)
      if header.flags.contains(.end) { try end(stream, message, connection, units: 0) }
      return
    }
    stream.sequence.advance(to: header.end)
    acknowledge(stream, below: header.end, to: connection)
    connection.hold(units: units)
    if header.flags.contains(.end) {
      try end(stream, message, connection, units: units)
    } else {
      refuseParts(of: stream, message, connection)
      boundSequence(of: stream, message, connection)
      try sendSteps(of: stream, message, connection, units: units, flags: [])
    }
  }

  func elementBytes(of header: Header) -> Int {
    max(1, Int(header.width) * header.elementType.byteCount)
  }

  /// Flushes the carry as if input had ended, and has the state zeroed before what follows.
  func reset(
    _ stream: IngressStream, _ message: InboundMessage, _ connection: Connection
  ) throws {
    step.removeAll()
    flushCarry(of: stream)
    refuseParts(of: stream, message, connection)
    boundSequence(of: stream, message, connection)
    try sendSteps(of: stream, message, connection, units: 0, flags: [])
    stream.given = []
    stream.pendingFlags.insert(.reset)
  }

  func end(
    _ stream: IngressStream, _ message: InboundMessage, _ connection: Connection, units: UInt64
  ) throws {
    flushCarry(of: stream)
    refuseParts(of: stream, message, connection)
    boundSequence(of: stream, message, connection)
    try sendSteps(of: stream, message, connection, units: units, flags: .end)
    stream.sequence.close()
    dropHistory(of: stream.id)
    openStreams -= 1
    allOpenStreams -= 1
    closed.append(stream.id)
    try forgetOldest()
    tap?.publish(
      event: "{\"event\":\"end\",\"stream\":\"\(stream.id)\",\"steps\":\(stream.nextStep)}")
  }

  /// Ends that are remembered are bounded.
  func forgetOldest() throws {
    while closed.count > Limits.closedStreams, let oldest = closed.popFirst() {
      try forget(oldest)
    }
  }

  func flushCarry(of stream: IngressStream) {
    stream.forgetValues()
    guard case .text(let tokenizer) = stage.encoding else { return }
    tokenizer.flush(carry: &stream.carry, into: &step.tokens)
  }

  /// Answers for text that made no step, part by part; it may have begun in an earlier message.
  private func refuseParts(
    of stream: IngressStream, _ message: InboundMessage, _ connection: Connection
  ) {
    let parts = step.tokens.refused
    for (index, part) in parts.prefix(Limits.messageRefusals).enumerated() {
      var refusal = RefusedMessage(part.refusal).refusal
      if index + 1 == Limits.messageRefusals, parts.count > Limits.messageRefusals {
        refusal.message += "; \(parts.count - Limits.messageRefusals) more parts behind it"
      }
      var header = message.header
      header.number = stream.firstInput + part.bytes.lowerBound
      header.count = UInt32(part.bytes.count)
      refuseForGood(refusal, header, of: stream, connection)
    }
  }
}
