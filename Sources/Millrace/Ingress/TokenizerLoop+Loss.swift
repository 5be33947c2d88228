import Wire

/// What a worker that was started anew cannot go on with.
extension TokenizerLoop {
  /// Ends the life that a worker has no state of, and tells the clients that sent to it.
  ///
  /// Every message of that life is refused by the worker; the first refusal ends it.
  func lose(_ stream: IngressStream, _ message: InboundMessage) throws {
    guard message.header.input == stream.life else { return }
    try lose(stream, try Refusal(payload: message.payload))
  }

  /// As above, for every stream of a worker that has lost what was under way to it.
  func loseAll(of worker: Int) throws {
    for stream in streams.values where stream.worker == worker && !stream.underWay.isEmpty {
      try lose(
        stream,
        Refusal(
          .stateLost, expected: "a link that lasts", received: "a new one",
          message: "the inference stage was started anew and has no state of \(stream.id); "
            + "begin the stream anew with START"))
    }
  }

  private func lose(_ stream: IngressStream, _ refusal: Refusal) throws {
    var told: [Connection] = []
    var header = Header(kind: .data)
    header.number = stream.sequence.expected
    header.epoch = stream.sequence.epoch
    for part in stream.underWay {
      underWay -= 1
      try part.question?.fail("its state was lost")
      guard let connection = part.connection else { continue }
      connection.release(units: part.units)
      guard !told.contains(where: { $0 === connection }) else { continue }
      told.append(connection)
      refuse(refusal, header, of: stream.id, connection)
    }
    stream.underWay = []
    if let log {
      log.forget(stream)
      log.store.submit(rows: [.standing(stream.id.name, nil)])
    }
    cache.forget(stream)
    if stream.sequence.phase == .open {
      openStreams -= 1
      allOpenStreams -= 1
    }
    streams[stream.id] = nil
    if lost.count >= Limits.closedStreams { lost.removeAll() }
    lost.insert(stream.id)
    control.logger.error("state lost", metadata: ["stream": "\(stream.id)"])
  }
}
