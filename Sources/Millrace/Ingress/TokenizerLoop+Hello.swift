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
    var missing: [Missing] = []
    for (name, wanted) in hello.streams {
      guard let id = StreamID(name), let stream = try streams[id] ?? recalled(id) else {
        let parked = try log?.store.standing(of: name)
        standing[name] = parkedStanding(parked)
        if let parked, let wanted, let id = StreamID(name) {
          let stream = try IngressStream(id: id, worker: 0, standing: parked)
          missing += self.missing(of: stream, from: wanted).map { [$0] } ?? []
        }
        continue
      }
      use(stream)
      standing[name] = Welcome.Stream(
        expected: stream.sequence.expected,
        // One that goes on elsewhere has not ended.
        closed: stream.sequence.phase == .closed && stream.underWay.isEmpty
          && stream.movedTo.isEmpty,
        answers: stream.nextAnswer, epoch: stream.sequence.epoch)
      inMemory.append((stream, wanted))
    }
    guard let log, !log.isIdle else {
      let again = handOver(inMemory, missing, to: connection)
      link.welcome(connection, streams: standing, model: models.series.current.hash)
      return replyAgain(again, to: connection)
    }
    // Whoever goes on from there has nothing of what was below: it has to be durable first.
    connection.welcomesDue += 1
    let number = message.header.number
    log.afterCommit { [unowned self] in
      let again = handOver(inMemory, missing, to: connection)
      link.welcomeLate(
        connection, hello: number, streams: standing, model: models.series.current.hash)
      replyAgain(again, to: connection)
    }
  }

  /// Answers that are wanted again, and gone: those to input below a number.
  private typealias Missing = (below: Acknowledgement, isClosed: Bool)

  /// What is sent again from the cache; a refusal is the answer to its input.
  private struct Again {
    var missing: [Missing] = []
    var answers: [(stream: IngressStream, answer: AnswerCache.Answer)] = []
    var refused: [(stream: IngressStream, refused: AnswerCache.RefusedInput)] = []
  }

  /// Whoever greets for a stream gets what is still to come for it, and what it wants again.
  private func handOver(
    _ streams: [(stream: IngressStream, wanted: UInt64?)], _ missing: [Missing],
    to connection: Connection
  ) -> Again {
    var again = Again(missing: missing)
    for (stream, wanted) in streams {
      redirect(stream, to: connection)
      guard let wanted else { continue }
      again.missing += self.missing(of: stream, from: wanted).map { [$0] } ?? []
      again.answers += cache.answers(of: stream, from: wanted).map { (stream, $0) }
      // Only some encodings number input as answers are.
      let input = stage.encoding.countsSteps ? 0 : wanted
      again.refused += cache.refusals(of: stream, in: input..<UInt64.max).map { (stream, $0) }
    }
    return again
  }

  /// What of a stream's answers from number `wanted` on is gone; nil for nothing.
  private func missing(of stream: IngressStream, from wanted: UInt64) -> Missing? {
    let isClosed = cache.missesEnd(of: stream)
    let number = cache.missing(of: stream, answersFrom: wanted) ?? 0
    guard isClosed || number > stream.firstInput else { return nil }
    return (
      Acknowledgement(stream: stream.id, number: number, epoch: stream.sequence.epoch), isClosed
    )
  }

  private func replyAgain(_ again: Again, to connection: Connection) {
    for missing in again.missing {
      link.tellMissing(missing.below, isClosed: missing.isClosed, to: connection)
    }
    for (stream, answer) in again.answers {
      reply(answer, of: stream, isAgain: true, to: connection)
    }
    for (stream, refused) in again.refused {
      stream.id.withBytes {
        link.refuse(
          refused.refusal, to: connection, stream: $0, header: refused.header, usesNumbersUp: true)
      }
    }
  }

  func redirect(_ stream: IngressStream, to connection: Connection) {
    stream.isClaimed = true
    stream.sender = connection
    for index in stream.underWay.indices
    where stream.underWay[index].connection !== connection {
      stream.underWay[index].connection?.release(units: stream.underWay[index].units)
      stream.underWay[index].units = 0
      stream.underWay[index].connection = connection
    }
  }
}
