import Wire

/// `limits: { max-steps: N }`: no sequence, from START or RESET on, is longer.
extension TokenizerLoop {
  /// Keeps the gathered steps that the sequence has room for, and refuses the rest, however it is cut.
  func boundSequence(
    of stream: IngressStream, _ message: InboundMessage, _ connection: Connection
  ) {
    guard let limit = stage.maxSteps else { return }
    let room = max(0, limit - stream.sequenceSteps)
    guard step.count > room else { return }
    var header = message.header
    if stage.encoding.countsSteps {
      let ends = inputEnds(0, step.count, of: stream)
      let end = ends.last ?? header.number
      header.number = min(room > 0 ? ends[room - 1] : header.number, end)
      header.count = UInt32(end - header.number)
    } else {
      header.number = stream.nextStep + UInt64(room)
      header.count = UInt32(step.count - room)
    }
    let refusal = tooLong(limit, stream, count: step.count).refusal
    step.keepFirst(room)
    refuseForGood(refusal, header, of: stream, connection)
  }

  /// - Throws: a `RefusedMessage` if the gathered steps would not all be taken.
  func checkRoom(of stream: IngressStream) throws {
    guard let limit = stage.maxSteps, step.count > max(0, limit - stream.sequenceSteps) else {
      return
    }
    throw tooLong(limit, stream, count: step.count)
  }

  private func tooLong(_ limit: Int, _ stream: IngressStream, count: Int) -> RefusedMessage {
    RefusedMessage(
      .tooManySteps, expected: "at most \(limit)", received: "\(stream.sequenceSteps + count)",
      message: "the sequence is longer than limits.max-steps, \(limit); "
        + "RESET or END it, or raise the limit")
  }
}
