import Wire

/// What a worker that was started anew cannot go on with.
extension TokenizerLoop {
  /// Ends the life that a worker has no state of, and tells the clients that sent to it.
  ///
  /// Every message of that life is refused by the worker; the first refusal ends it.
  func lose(_ stream: IngressStream, _ message: InboundMessage) throws {
    guard message.header.model == UInt64(stream.life) else { return }
    var told: [Connection] = []
    let refusal = try Refusal(payload: message.payload)
    var header = Header(kind: .data)
    header.number = stream.sequence.expected
    header.epoch = stream.sequence.epoch
    for part in stream.underWay {
      part.connection.release(units: part.units)
      underWay -= 1
      guard !told.contains(where: { $0 === part.connection }) else { continue }
      told.append(part.connection)
      refuse(refusal, header, of: stream.id, part.connection)
    }
    stream.underWay = []
    cache.forget(stream)
    if stream.sequence.phase == .open { openStreams -= 1 }
    streams[stream.id] = nil
    if lost.count >= Limits.closedStreams { lost.removeAll() }
    lost.insert(stream.id)
    control.logger.error("state lost", metadata: ["stream": "\(stream.id)"])
  }
}
