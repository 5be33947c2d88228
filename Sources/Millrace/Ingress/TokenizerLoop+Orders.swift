import Wire

/// `streams.reset` and `streams.park`, and streams that expire: what somebody else than the sender does
/// to a stream.
extension TokenizerLoop {
  /// Does to a stream what a message without a payload would do, in the name of its sender.
  ///
  /// What is due is answered to whoever sent last, where that one is still there and the stream was not
  /// parked meanwhile.
  private func act(
    _ flags: MessageFlags, on stream: IngressStream,
    _ body: (InboundMessage, Connection) throws -> Void
  ) throws {
    var header = Header(kind: .data)
    header.flags = flags
    header.number = stream.sequence.expected
    header.epoch = stream.sequence.epoch
    let nobody = Connection(routingID: [], window: 0, milliseconds: 0)
    nobody.isGone = true
    let bytes = header.bytes
    // What the message before left there is another stream's.
    step.removeAll()
    try stream.id.withBytes { name in
      try bytes.withUnsafeBytes { bytes in
        let message = try InboundMessage(partCount: 2, byteCountMax: Limits.messageBytes) {
          $0 == 0 ? name : bytes
        }
        try body(message, stream.sender ?? nobody)
      }
    }
    log?.record(stream)
  }

  func reset(_ request: ControlRequest, for asker: ControlSocket.Asker) throws {
    let stream = try openStream(named: request.stream())
    try checkNotHeld(stream)
    use(stream)
    try act(.reset, on: stream) { try reset(stream, $0, $1) }
    stream.sequenceStart = stream.nextStep
    tap?.publish(
      event:
        "{\"event\":\"reset\",\"stream\":\"\(stream.id)\",\"number\":\(stream.sequence.expected)}")
    var reply = ControlReply()
    reply.fields.put("stream", stream.id.name)
    reply.fields.put("expected", stream.sequence.expected)
    reply.fields.put("steps", stream.nextStep)
    self.reply(reply, afterCommitTo: asker)
  }

  // MARK: Parking

  /// Has a stream leave memory, in both stages, as soon as the store has it.
  func park(_ request: ControlRequest, for asker: ControlSocket.Asker) throws {
    let id = try request.stream()
    guard log != nil else {
      throw ControlRefusal(
        .noStore, "a stream is parked in state.store, which this pipeline has not")
    }
    guard streams[id] != nil else {
      _ = try stored(id)
      return controlSocket?.reply(parked(id), to: asker) ?? ()
    }
    let stream = try openStream(named: id)
    try checkNotHeld(stream)
    let place = (stream.life, stream.messages)
    let due = control.clock.milliseconds + Limits.questionMilliseconds
    try ask(.park, about: stream) { [unowned self] answer in
      if case .failure(let refusal) = answer {
        controlSocket?.refuse(refusal, to: asker)
        return
      }
      controlTasks.append { [unowned self] in
        guard let stream = streams[id] else {
          controlSocket?.reply(parked(id), to: asker)
          return true
        }
        guard (stream.life, stream.messages) == place, control.clock.milliseconds < due else {
          controlSocket?.refuse(
            ControlRefusal(.busy, "\(id) was sent to meanwhile, or its state is not saved yet"),
            to: asker)
          return true
        }
        guard park(stream) else { return false }
        controlSocket?.reply(parked(id), to: asker)
        return true
      }
    }
  }

  private func parked(_ id: StreamID) -> ControlReply {
    var reply = ControlReply()
    reply.fields.put("stream", id.name)
    reply.fields.put("phase", "parked")
    return reply
  }

  func checkNotHeld(_ stream: IngressStream) throws(ControlRefusal) {
    guard held[stream.id] == nil else {
      throw ControlRefusal(.busy, "\(stream.id) is being moved; ask again when that is over")
    }
  }

  // MARK: Expiry

  /// Once a turn: ends streams that have been idle for `expire-after`, in memory or parked.
  func expireIdle() throws {
    guard let idle = stage.expireMilliseconds, !isStopping else { return }
    var due: [IngressStream] = []
    let now = control.clock.milliseconds
    idleOrder.sweep(idleMilliseconds: idle, at: now, limit: Limits.drainMessages) { stream in
      guard streams[stream.id] === stream else { return true }
      // Ended ones may still be parked.
      guard stream.sequence.phase == .open else { return log == nil }
      guard stream.underWay.isEmpty, held[stream.id] == nil else { return false }
      due.append(stream)
      return log == nil
    }
    for stream in due { try expire(stream) }
    guard let store = log?.store, now >= nextExpiryMilliseconds else { return }
    nextExpiryMilliseconds = now + Limits.expirySweepMilliseconds
    log?.keepTime()
    // Its rows are those that have not been sent to since.
    for name in try store.streams(
      idleSince: log?.time(idleMilliseconds: idle) ?? 0, limit: Limits.drainMessages)
    {
      guard let id = StreamID(name), streams[id] == nil,
        openStreams < stage.liveStreams || makeRoom(), let stream = try known(id),
        stream.sequence.phase == .open
      else { continue }
      try expire(stream)
    }
  }

  private func expire(_ stream: IngressStream) throws {
    stream.isClaimed = true
    try act(.end, on: stream) { try end(stream, $0, $1, units: 0) }
    tap?.publish(
      event: "{\"event\":\"expired\",\"stream\":\"\(stream.id)\",\"steps\":\(stream.nextStep)}")
    control.logger.info("expired", metadata: ["stream": "\(stream.id)"])
  }
}
