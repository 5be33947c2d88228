import Tokenization
import Wire

/// Steps out of a message's payload, and their way to the worker.
extension TokenizerLoop {
  func encode(
    _ payload: UnsafeRawBufferPointer, _ header: Header, for stream: IngressStream
  ) throws {
    switch stage.encoding {
    case .text(let tokenizer):
      if stream.pendingFlags.contains(.start) || stream.pendingFlags.contains(.reset) {
        tokenizer.begin(carry: &stream.carry, into: &step.tokens)
      }
      tokenizer.feed(payload, carry: &stream.carry, into: &step.tokens)
    case .ids(let bound): try encodeIDs(payload, header, bound: bound)
    case .values(let features): try encodeValues(payload, header, features, for: stream)
    case .frames(let features): try encodeFrames(payload, header, features)
    }
  }

  private func encodeIDs(
    _ payload: UnsafeRawBufferPointer, _ header: Header, bound: Int32
  ) throws {
    guard header.count == 0 || header.width == 1 else {
      throw RefusedMessage(
        .badShape, expected: "1", received: "\(header.width)",
        message: "token ids come one a step, not \(header.width)")
    }
    step.tokens.ids.append(contentsOf: [Int32](copying: payload))
    for (index, id) in step.tokens.ids.enumerated() where !(0..<bound).contains(id) {
      step.removeAll()
      throw RefusedMessage(
        .badToken, expected: "0 to \(bound - 1)", received: "\(id)",
        message:
          "token id \(id) at number \(header.number + UInt64(index)) is outside 0 to \(bound - 1)")
    }
  }

  // MARK: Sending on

  /// Sends the gathered steps to the stream's worker, at most 4,096 a message.
  func sendSteps(
    of stream: IngressStream, _ message: InboundMessage, _ connection: Connection,
    units: UInt64, flags: MessageFlags
  ) throws {
    let count = step.count
    guard count > 0 || !flags.isEmpty else {
      connection.release(units: units)
      return
    }
    let room = Limits.messageBytes - stream.given.count * 4
    let most = stage.encoding.stepWidth.map { max(1, room / ($0 * 4)) }
    var from = 0
    repeat {
      let to = min(count, from + min(Limits.messageSteps, most ?? Int.max))
      let isFinal = to == count
      var header = Header(kind: .data)
      header.flags = stream.pendingFlags.union(isFinal ? flags : [])
      stream.pendingFlags = []
      header.number = stream.nextStep
      header.count = UInt32(to - from)
      header.epoch = message.header.epoch
      header.time = message.header.time
      let part = UnderWay(
        connection: connection, firstStep: stream.nextStep,
        endStep: stream.nextStep + UInt64(to - from), endInput: stream.sequence.expected,
        ends: inputEnds(from, to, of: stream), units: isFinal ? units : 0,
        isEnd: header.flags.contains(.end), isPeek: false,
        place: MessagePlace(life: stream.life, messages: stream.messages),
        generation: advanceGeneration(of: stream),
        readNanoseconds: link.heardNanoseconds, parent: control.spans.parent(of: message.note))
      header.input = part.input(below: part.endStep)
      header.generation = part.generation
      stream.messages += 1
      stream.nextStep = part.endStep
      stream.underWay.append(part)
      underWay += 1
      metrics.stepsIn.add(UInt64(to - from))
      try send(
        header, steps: from..<to, of: stream, note: message.note, at: part.place,
        inputEnds: part.ends)
      stream.given = []
      from = to
    } while from < count
  }

  func inputEnds(_ from: Int, _ to: Int, of stream: IngressStream) -> [UInt64] {
    guard stage.encoding.countsSteps else { return [] }
    if stage.encoding.stepWidth != nil { return Array(step.valueEnds[from..<to]) }
    return step.tokens.ends[from..<to].map { stream.firstInput + $0 }
  }

  /// Sends steps to the stream's worker; with a store, once they are in it.
  ///
  /// On the link it has its place in the stream's life; a PEEK has none.
  func send(
    _ header: Header, steps: Range<Int>, of stream: IngressStream, note: UnsafeRawBufferPointer,
    at place: MessagePlace = MessagePlace(), inputEnds: [UInt64] = []
  ) throws {
    var header = header
    let width = stage.encoding.stepWidth
    header.elementType = width == nil ? .int32 : .float32
    header.width = UInt32(width ?? 1)
    try step.withBytes(of: steps, width: width) { payload in
      var shown = header
      shown.model = 0
      tap?.publish(
        "tokens", stream: stream.id, life: stream.life, header: shown, payload: payload,
        ids: .init(start: nil, count: 0))
      if !header.flags.contains(.peek) {
        header.place = place
      }
      guard let log else {
        return try stream.id.withBytes { name in
          try stream.given.withUnsafeBytes { given in
            try workers[stream.worker].send(
              header, stream: name, payload: payload, ids: given, note: note,
              units: UInt64(header.count))
          }
        }
      }
      let message = InputLog.Message(
        stream: stream.id, worker: stream.worker, header: header, payload: Array(payload),
        given: stream.given.withUnsafeBytes { Array($0) }, note: Array(note))
      if header.flags.contains(.peek) {
        log.append(unkept: message)
      } else {
        log.append(message, inputEnds: inputEnds)
      }
    }
  }

  /// Refuses numbers that are used up by it: the refusal is their answer, also when they come again.
  func refuseForGood(
    _ refusal: Refusal, _ header: Header, of stream: IngressStream, _ connection: Connection
  ) {
    cache.keep(.init(header: header, refusal: refusal), of: stream)
    refuse(refusal, header, of: stream.id, connection, usesNumbersUp: true)
  }

  func refuse(
    _ refusal: Refusal, _ header: Header, of id: StreamID, _ connection: Connection,
    usesNumbersUp: Bool = false
  ) {
    id.withBytes {
      link.refuse(
        refusal, to: connection, stream: $0, header: header, usesNumbersUp: usesNumbersUp)
    }
    control.logger.debug(
      "refused", metadata: ["stream": "\(id)", "code": "\(refusal.code.rawValue)"])
    tap?.publish(
      event: "{\"event\":\"refused\",\"stream\":\"\(id)\",\"code\":\"\(refusal.code.rawValue)\","
        + "\"number\":\(header.number)}")
  }
}
