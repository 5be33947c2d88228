import DequeModule
import Logging
import Wire
import ZeroMQ

/// Answers of the workers, on their way back to the clients.
extension TokenizerLoop {
  /// Books what a worker has covered, and sends its answer on.
  func deliver(_ message: InboundMessage, from worker: LinkSender) throws {
    let nanoseconds = worker.heardNanoseconds
    guard let id = message.stream else { return }
    if message.header.flags.isSuperset(of: [.peek, .last]) { return try deliverAlarm(message) }
    guard let stream = streams[id] else { return try deliver(message, of: id) }
    if message.header.kind == .refuse { return try lose(stream, message) }
    if message.header.kind == .acknowledge, message.header.number > 0 {
      let place = MessagePlace(life: message.header.input, messages: message.header.number)
      return message.header.asksLeave
        ? try giveLeave(to: stream, before: place) : saved(stream, before: place)
    }
    if message.header.flags.contains(.peek) {
      return try deliverPeek(message, of: stream, at: nanoseconds)
    }
    let covered = message.header.input
    let isLast = message.header.flags.contains(.last)
    var connection = stream.underWay.first?.connection
    var input = stream.firstInput
    // For each row of text, where its step's input ended.
    var inputs: [UInt64] = []
    // An answer belongs to the oldest life under way; the next one's numbers may begin below.
    let life = stream.underWay.first?.place.life ?? stream.life
    while let first = stream.underWay.first, first.place.life == life,
      first.firstStep < covered || first.isEnd && isLast
    {
      connection = first.connection
      input = first.input(below: covered)
      if message.header.count > 1 {
        inputs += first.inputs(from: message.header.number, below: covered)
      }
      guard first.endStep <= covered, !first.isEnd || isLast else { break }
      stream.underWay.removeFirst()
      // An idle stream keeps no room for messages.
      if stream.underWay.isEmpty { stream.underWay = [] }
      underWay -= 1
      count(first, of: stream, at: nanoseconds)
      first.connection?.release(units: first.units)
      if first.isEnd {
        input = first.endInput
        break
      }
    }
    guard message.header.kind == .answer else { return }
    var header = message.header
    header.input = input
    var answer = AnswerCache.Answer(
      header: header, payload: Array(message.payload), ids: Array(message.ids),
      note: Array(message.note), inputs: inputs, firstInput: stream.answeredInput)
    if life == stream.life {
      // A worker that was started anew answers again from its last checkpoint on.
      guard answer.dropRows(below: stream.answered) else { return }
      // What lies between was answered by the process before, if by any.
      if stream.newestCached == AnswerCache.nothingOfBefore, !stage.encoding.countsSteps {
        answer.firstInput = max(answer.firstInput, answer.header.number)
      }
      stream.answeredInput = max(stream.answeredInput, header.input)
      stream.answered = header.end
      stream.nextAnswer = max(stream.nextAnswer, header.end)
      cache.keep(answer, of: stream)
    }
    guard let connection else { return }
    let isWhole = answer.header.count == message.header.count
    reply(
      answer, of: stream, isAgain: false, to: connection,
      shared: isWhole ? worker.sharedPayload : nil)
  }

  /// Sends an answer to a client: rows in the binary form, one line a message in the friendly one.
  ///
  /// `shared` is its payload where libzmq has it already.
  func reply(
    _ answer: AnswerCache.Answer, of stream: IngressStream, isAgain: Bool,
    to connection: Connection, shared: SharedPart? = nil
  ) {
    (isAgain ? ingressMetrics.repeated : ingressMetrics.answers).add(UInt64(answer.header.count))
    // An END takes no credit.
    let isCredited = !isAgain && !answer.header.flags.contains(.last)
    stream.id.withBytes { name in
      answer.note.withUnsafeBytes { note in
        answer.payload.withUnsafeBytes { payload in
          answer.ids.withUnsafeBytes { ids in
            // An end without a row of its own still has to be told.
            if connection.isFriendly, answer.header.count > 0 {
              let rows = AnswerMessage(answer.header, payload: payload, ids: ids)
              send(
                lines: rows, of: answer, stream.id, note: note, isCredited: isCredited,
                to: connection)
            } else {
              link.send(
                answer.header, stream: name, payload: payload, ids: ids, note: note,
                isCredited: isCredited, to: connection, shared: shared)
            }
          }
        }
      }
    }
  }

  private func send(
    lines rows: AnswerMessage, of answer: AnswerCache.Answer, _ stream: StreamID,
    note: UnsafeRawBufferPointer, isCredited: Bool, to connection: Connection
  ) {
    stream.withBytes { name in
      for row in 0..<rows.count {
        line.removeAll(keepingCapacity: true)
        rows.withRow(row) {
          stage.format.appendLine(
            stream: stream, number: rows.number(of: row), token: rows.token(of: row), row: $0,
            isEnd: rows.isEnd(row), to: &line)
        }
        line.removeLast()  // the newline
        var header = answer.header
        header.number = rows.number(of: row)
        header.input = answer.input(of: row, of: rows.count)
        header.elementType = .json
        header.count = 1
        header.width = UInt32(line.count)
        if row + 1 < rows.count { header.flags.remove(.last) }
        line.withUnsafeBytes {
          link.send(
            header, stream: name, payload: $0,
            ids: .init(start: nil, count: 0), note: note, isCredited: isCredited, to: connection)
        }
      }
    }
  }
}
