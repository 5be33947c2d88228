import Wire

/// A stream moves to another daemon while its sender goes on: `streams.export` with `hold`, then
/// `streams.moved` or `streams.release`; over there `streams.import`, and `streams.discard` where it
/// came to nothing.
extension TokenizerLoop {
  /// From now on what is sent to the stream waits.
  func hold(_ stream: IngressStream) throws(ControlRefusal) {
    try checkNotHeld(stream)
    guard held.count < Limits.heldStreams else {
      throw ControlRefusal(.busy, "\(held.count) streams are being moved; ask again later")
    }
    held[stream.id] = HeldStream(
      dueMilliseconds: control.clock.milliseconds + Limits.holdMilliseconds)
  }

  /// Keeps a message of a stream that is held; false where it is not.
  func keepIfHeld(
    _ message: InboundMessage, of id: StreamID, _ connection: Connection, units: UInt64
  ) throws -> Bool {
    guard !held.isEmpty, let stream = held[id] else { return false }
    guard stream.byteCount < Limits.heldBytes else {
      throw RefusedMessage(
        .overLimit, expected: "\(Limits.heldBytes)", received: "\(stream.byteCount)",
        message: "\(id) is being moved to another daemon; send it again in a moment")
    }
    // It waits for us, not for the sender: that one has no more credit for it.
    connection.hold(units: units)
    stream.append(HeldStream.Message(message, units: units, from: connection))
    return true
  }

  /// The stream goes on here, with all that has come meanwhile.
  func release(_ id: StreamID) throws {
    guard let stream = held.removeValue(forKey: id) else { return }
    for kept in stream.messages {
      kept.connection.release(units: kept.units)
      try kept.withMessage { message in
        do {
          if message.header.flags.contains(.peek) {
            try peek(message, at: id, kept.connection, units: kept.units)
          } else {
            try admit(message, of: self.stream(for: id), kept.connection, units: kept.units)
          }
        } catch let refusal as RefusedMessage {
          refuse(refusal.refusal, message.header, of: id, kept.connection)
        }
      }
    }
  }

  /// Once a turn: who holds a stream and says no more has gone.
  func releaseOverdue() throws {
    guard !held.isEmpty else { return }
    let now = control.clock.milliseconds
    for (id, stream) in held where now >= stream.dueMilliseconds && !stream.isLeaving {
      control.logger.warning("a move was not finished", metadata: ["stream": "\(id)"])
      try release(id)
    }
  }

  func release(_ request: ControlRequest) throws -> ControlReply {
    let id = try request.stream()
    guard held[id]?.isLeaving == false else {
      throw ControlRefusal(.notHeld, "\(id) is not held; it goes on here")
    }
    try release(id)
    var reply = ControlReply()
    reply.fields.put("stream", id.name)
    return reply
  }

  /// The stream goes on elsewhere: its sender is told where.
  func moved(_ request: ControlRequest, for asker: ControlSocket.Asker) throws {
    let id = try request.stream()
    guard let target = try request.text("to"), !target.isEmpty,
      target.utf8.count <= Limits.endpointBytes
    else {
      throw ControlRefusal(.badRequest, "\"to\" is missing: the ingress where the stream goes on")
    }
    guard let waiting = held[id], !waiting.isLeaving, let stream = streams[id] else {
      throw ControlRefusal(.notHeld, "\(id) was held too long and goes on here")
    }
    waiting.isLeaving = true
    stream.movedTo = target
    try letGo(stream)
    // A crash before that would have the stream go on here, while its sender is there.
    try whenDurable { [unowned self] in try tellMoved(stream, waiting) }
    tap?.publish(
      event: "{\"event\":\"moved\",\"stream\":\"\(id)\",\"number\":\(stream.sequence.expected),"
        + "\"to\":\(JSONText.quoted(target))}")
    control.logger.notice("moved", metadata: ["stream": "\(id)", "to": "\(target)"])
    var reply = ControlReply()
    reply.fields.put("stream", id.name)
    reply.fields.put("expected", stream.sequence.expected)
    self.reply(reply, afterCommitTo: asker)
  }

  /// What has come since it was held is refused to where it goes on.
  private func tellMoved(_ stream: IngressStream, _ waiting: HeldStream) throws {
    held[stream.id] = nil
    for kept in waiting.messages {
      kept.connection.release(units: kept.units)
      _ = claim(stream, by: kept.connection)
      try kept.withMessage {
        refuse(movedRefusal(of: stream).refusal, $0.header, of: stream.id, kept.connection)
      }
    }
  }

  /// Refuses what is sent to a stream that has moved, but a life that begins anew here.
  ///
  /// Its sender, nil for one who only asks, goes there then, where nobody has the answers that a restart
  /// has computed again here: these come first.
  func checkMoved(
    _ header: Header, of stream: IngressStream, from sender: Connection?
  ) throws {
    guard !stream.movedTo.isEmpty else { return }
    if header.flags.contains(.start), header.epoch > stream.sequence.epoch { return }
    if let sender { _ = claim(stream, by: sender) }
    throw movedRefusal(of: stream)
  }

  private func movedRefusal(of stream: IngressStream) -> RefusedMessage {
    RefusedMessage(
      .moved, expected: stream.movedTo, received: "\(stream.sequence.expected)",
      message:
        "\(stream.id) goes on at \(stream.movedTo) from \(stream.sequence.expected); connect "
        + "there, say hello, and send from the number that it expects")
  }

  /// Forgets a stream that was imported for nothing, and that nobody has sent to since.
  func discard(_ request: ControlRequest, for asker: ControlSocket.Asker) throws {
    let id = try request.stream()
    let stream = try openStream(named: id)
    guard let life = try request.number("life"), life == stream.life else {
      throw ControlRefusal(.busy, "\(id) has another life than that which was imported")
    }
    guard try request.number("expected") == stream.sequence.expected, stream.underWay.isEmpty else {
      throw ControlRefusal(.busy, "\(id) has been sent to since it was imported")
    }
    try letGo(stream)
    cache.forget(stream)
    stream.isForgotten = true
    var reply = ControlReply()
    reply.fields.put("stream", id.name)
    self.reply(reply, afterCommitTo: asker)
  }
}
