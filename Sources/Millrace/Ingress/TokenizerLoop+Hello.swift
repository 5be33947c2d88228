import Wire

/// Hello and welcome: where streams stand, and who gets what is still to come for them.
extension TokenizerLoop {
  func greet(_ message: InboundMessage, _ connection: Connection) throws {
    let hello: Hello
    do {
      hello = try Hello(payload: message.payload)
    } catch {
      throw WireError(.badHeader, "the hello, \(error)", expected: "{\"streams\":{...}}")
    }
    var standing: [String: Welcome.Stream] = [:]
    var inMemory: [(stream: IngressStream, wanted: UInt64?)] = []
    for (name, wanted) in hello.streams {
      guard let id = StreamID(name), let stream = streams[id] else {
        standing[name] = try parkedStanding(of: name)
        continue
      }
      use(stream)
      standing[name] = Welcome.Stream(
        expected: stream.sequence.expected,
        closed: stream.sequence.phase == .closed && stream.underWay.isEmpty,
        answers: stream.nextAnswer, epoch: stream.sequence.epoch)
      inMemory.append((stream, wanted))
    }
    guard let log, !log.isIdle else { return welcome(connection, standing, inMemory) }
    // Whoever goes on from there has nothing of what was below: it has to be durable first.
    log.afterCommit { [self] in welcome(connection, standing, inMemory) }
  }

  private func welcome(
    _ connection: Connection, _ standing: [String: Welcome.Stream],
    _ inMemory: [(stream: IngressStream, wanted: UInt64?)]
  ) {
    var again: [(IngressStream, AnswerCache.Answer)] = []
    for (stream, wanted) in inMemory {
      // Whoever greets for a stream gets what is still to come for it.
      redirect(stream, to: connection)
      if let wanted { again += cache.answers(of: stream, from: wanted).map { (stream, $0) } }
    }
    link.welcome(connection, streams: standing, model: stage.modelHash)
    for (stream, answer) in again {
      reply(answer, of: stream, isAgain: true, to: connection)
    }
  }

  func redirect(_ stream: IngressStream, to connection: Connection) {
    stream.isClaimed = true
    for index in stream.underWay.indices
    where stream.underWay[index].connection !== connection {
      stream.underWay[index].connection?.release(units: stream.underWay[index].units)
      stream.underWay[index].units = 0
      stream.underWay[index].connection = connection
    }
  }
}
