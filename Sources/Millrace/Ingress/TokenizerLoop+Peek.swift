import Tokenization
import Wire

/// PEEK: what would be answered, without a step taken.
extension TokenizerLoop {
  /// Encodes the input as if the stream ended behind it, and asks the worker; nothing is advanced.
  func peek(
    _ message: InboundMessage, at id: StreamID, _ connection: Connection, units: UInt64
  ) throws {
    let header = message.header
    let known = try self.known(id)
    if let known { try checkMoved(header, of: known, from: nil) }
    guard let stream = known, stream.sequence.phase == .open else {
      throw RefusedMessage(
        .noStart, expected: "an open stream", received: id.name,
        message: "stream \(id) is not open; PEEK looks at one that is")
    }
    let admission = stream.sequence.admit(
      number: header.number, count: units, epoch: header.epoch, flags: header.flags,
      milliseconds: control.clock.milliseconds)
    if case .refuse(let code, let expected) = admission {
      throw RefusedMessage(
        code, expected: "\(expected)", received: "\(header.number)",
        message: StreamSequence.explanation(of: code, expected: expected, stream: id))
    }
    let carry = stream.carry
    let valueCarry = stream.valueCarry
    defer {
      stream.carry = carry
      stream.valueCarry = valueCarry
      step.removeAll()
    }
    step.removeAll()
    try encode(message.payload, header, for: stream)
    // A question is answered as a whole or not at all.
    if let part = step.tokens.refused.first { throw RefusedMessage(part.refusal) }
    flushCarry(of: stream)
    try checkRoom(of: stream)
    let bytes = step.count * (stage.encoding.stepWidth ?? 1) * 4
    guard bytes <= Limits.messageBytes else {
      throw RefusedMessage(
        .tooLarge, expected: "\(Limits.messageBytes)", received: "\(bytes)",
        message: "PEEK at \(step.count) steps makes \(bytes) bytes; look at fewer")
    }
    connection.hold(units: units)
    try sendPeek(at: stream, message, connection, units: units)
  }

  private func sendPeek(
    at stream: IngressStream, _ message: InboundMessage, _ connection: Connection, units: UInt64
  ) throws {
    // A worker has not heard yet of a life or a RESET behind which no step was complete.
    let begins = !stream.pendingFlags.isDisjoint(with: [.start, .reset])
    var header = Header(kind: .data)
    header.flags = begins ? [.peek, .reset] : .peek
    header.number = stream.nextStep
    header.count = UInt32(min(step.count, Limits.messageSteps))
    header.epoch = message.header.epoch
    header.time = message.header.time
    header.input = stream.sequence.expected
    header.generation = models.series.successor(of: stream.generation)
    stream.underWay.append(
      UnderWay(
        connection: connection, firstStep: stream.nextStep, endStep: stream.nextStep,
        endInput: stream.sequence.expected, ends: [], units: units, isEnd: false, isPeek: true,
        place: MessagePlace(life: stream.life), readNanoseconds: link.heardNanoseconds))
    underWay += 1
    try send(header, steps: 0..<Int(header.count), of: stream, note: message.note)
  }

  /// Hands a worker's answer to a PEEK to its client; it is not kept.
  func deliverPeek(
    _ message: InboundMessage, of stream: IngressStream, at nanoseconds: UInt64
  ) throws {
    // Answers of one stream come in the order of its messages.
    guard let first = stream.underWay.first, first.isPeek else { return }
    stream.underWay.removeFirst()
    if stream.underWay.isEmpty { stream.underWay = [] }
    underWay -= 1
    if let question = first.question {
      return try deliver(message, to: question, about: stream)
    }
    count(first, of: stream, at: nanoseconds)
    first.connection?.release(units: first.units)
    var header = message.header
    header.input = first.endInput
    let answer = AnswerCache.Answer(
      header: header, payload: Array(message.payload), ids: Array(message.ids),
      note: Array(message.note), inputs: [], firstInput: first.endInput)
    if let connection = first.connection {
      reply(answer, of: stream, isAgain: true, to: connection)
    }
  }
}
