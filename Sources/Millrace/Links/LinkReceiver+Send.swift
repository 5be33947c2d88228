import Logging
import Wire
import ZeroMQ

/// What goes back: answers and refusals, acknowledgements and credit.
extension LinkReceiver {
  /// Sends a message behind the peer's routing identity, or lets it wait when its queue is full.
  ///
  /// `isCredited` says whether it answers steps that took credit; `shared` is the payload where libzmq
  /// has it already.
  func send(
    _ header: Header, stream: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
    ids: UnsafeRawBufferPointer, note: UnsafeRawBufferPointer, isCredited: Bool,
    to connection: Connection, shared: SharedPart? = nil
  ) {
    guard !connection.isGone else { return }
    withEncoded(header, for: connection) { header in
      guard connection.waiting.isEmpty,
        transmit(connection, stream, header, payload, ids, note, shared)
      else {
        guard !connection.isGone else { return }
        isFlushDue = true
        connection.append(
          waiting: OutgoingMessage(
            stream: Array(stream), header: Array(header), payload: Array(payload),
            ids: Array(ids), note: Array(note), isCredited: isCredited))
        return
      }
    }
  }

  private func withEncoded(
    _ header: Header, for connection: Connection, _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    if connection.isFriendly {
      FriendlyHeader.encode(header).withUnsafeBytes(body)
    } else {
      withUnsafeTemporaryAllocation(byteCount: Header.byteCount, alignment: 8) { buffer in
        header.encode(into: buffer)
        body(UnsafeRawBufferPointer(buffer))
      }
    }
  }

  /// Hands one message to libzmq; false when it would block or the peer is gone.
  private func transmit(
    _ connection: Connection, _ stream: UnsafeRawBufferPointer, _ header: UnsafeRawBufferPointer,
    _ payload: UnsafeRawBufferPointer, _ ids: UnsafeRawBufferPointer,
    _ note: UnsafeRawBufferPointer, _ shared: SharedPart? = nil
  ) -> Bool {
    do {
      let outcome = try connection.routingID.withUnsafeBytes { try socket.send($0, more: true) }
      switch outcome {
      case .sent: break
      case .wouldBlock: return false
      case .unreachable:
        forget(connection)
        return false
      }
      let partCount = !note.isEmpty ? 5 : !ids.isEmpty ? 4 : 3
      _ = try socket.send(stream, more: true)
      _ = try socket.send(header, more: true)
      _ =
        if let shared { try socket.send(shared, more: partCount > 3) } else {
          try socket.send(payload, more: partCount > 3)
        }
      if partCount > 3 { _ = try socket.send(ids, more: partCount > 4) }
      if partCount > 4 { _ = try socket.send(note, more: false) }
      return true
    } catch {
      // Only a terminated context gets here: the stage's next receive ends its loop.
      forget(connection)
      return false
    }
  }

  /// Sends a control message with a JSON payload.
  func send(
    _ header: Header, stream: UnsafeRawBufferPointer = .init(start: nil, count: 0),
    json: [UInt8], to connection: Connection
  ) {
    var header = header
    header.elementType = .json
    header.count = 1
    header.width = UInt32(json.count)
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    json.withUnsafeBytes {
      send(
        header, stream: stream, payload: $0, ids: nothing, note: nothing, isCredited: false,
        to: connection)
    }
  }

  /// Answers a hello.
  ///
  /// `streams` says where the streams that it named stand; `model` is the SHA-256 of the model file,
  /// where the stage knows it.
  func welcome(_ connection: Connection, streams: [String: Welcome.Stream] = [:], model: String) {
    connection.welcome()
    let welcome = Welcome(
      streams: streams, credit: connection.credit, maximumBytes: Limits.messageBytes,
      model: model, isGreeted: connection.isGreeted || !needsHello)
    var header = Header(kind: .welcome)
    header.number = connection.hello
    send(header, json: welcome.bytes, to: connection)
  }

  /// The same for a hello whose welcome had to wait; pings behind it are answered.
  func welcomeLate(
    _ connection: Connection, hello: UInt64, streams: [String: Welcome.Stream], model: String
  ) {
    let newest = connection.hello
    connection.hello = hello
    welcome(connection, streams: streams, model: model)
    connection.hello = newest
    connection.welcomesDue -= 1
    guard connection.welcomesDue == 0 else { return }
    for payload in connection.pongsDue {
      send(Header(kind: .pong), json: payload, to: connection)
    }
    connection.pongsDue = []
  }

  /// Tells every peer that what it sent is forgotten: it is to greet, and to send again.
  func beginAnew() {
    for connection in connections.values {
      connection.isGreeted = false
      connection.isToldToGreet = true
      connection.release(units: connection.outstanding)
      welcome(connection, model: "")
    }
  }

  func refuse(
    _ refusal: Refusal, to connection: Connection, stream: UnsafeRawBufferPointer,
    header refused: Header?, usesNumbersUp: Bool = false
  ) {
    onRefusal?(refusal.code)
    var header = Header(kind: .refuse)
    header.number = refused?.number ?? 0
    header.epoch = refused?.epoch ?? 0
    // Which numbers it is the answer to.
    if usesNumbersUp { header.input = refused?.end ?? 0 }
    send(header, stream: stream, json: refusal.bytes, to: connection)
  }

  /// Tells it with a `flush` that is not far: one acknowledgement of a stream then stands for all that
  /// came of it meanwhile.
  func acknowledge(_ acknowledgement: Acknowledgement, to connection: Connection) {
    guard isAcknowledging else { return }
    isFlushDue = true
    if connection.unacknowledged.isEmpty {
      connection.unacknowledgedSince = clock.milliseconds
    }
    connection.unacknowledged[acknowledgement.stream] = acknowledgement
  }

  /// Tells a peer at once that the answers to input below a number, which it has asked for again, are
  /// gone; `isClosed` that the stream has ended, and its last answer is gone too.
  func tellMissing(_ missing: Acknowledgement, isClosed: Bool, to connection: Connection) {
    var header = Header(kind: .acknowledge)
    header.number = missing.number
    header.epoch = missing.epoch
    var credit = Credit(total: connection.announced)
    credit.isCached = false
    credit.isClosed = isClosed
    missing.stream.withBytes { send(header, stream: $0, json: credit.bytes, to: connection) }
  }

  /// Tells peers their credit and, where they are due, acknowledgements, and sends what waited.
  func flush() {
    isFlushDue = false
    for connection in connections.values {
      flushWaiting(connection)
      // Credit means that answers were handed on; whoever does not read gets none.
      if connection.waiting.isEmpty {
        if owesNow(connection) {
          sendAcknowledgements(to: connection)
        } else if let credit = connection.creditToAnnounce() {
          send(Header(kind: .credit), json: Credit(total: credit).bytes, to: connection)
          connection.announce(credit)
        }
      }
      if !connection.waiting.isEmpty || !connection.unacknowledged.isEmpty { isFlushDue = true }
    }
  }

  /// Acknowledgements are due once all that the peer has sent is covered, or have been for a while.
  private func owesNow(_ connection: Connection) -> Bool {
    guard !connection.unacknowledged.isEmpty else { return false }
    return connection.outstanding == 0
      || clock.milliseconds >= connection.unacknowledgedSince + Limits.acknowledgeMilliseconds
  }

  private func sendAcknowledgements(to connection: Connection) {
    let total = connection.creditToAnnounce() ?? connection.announced
    let payload = Credit(total: total).bytes
    for (stream, acknowledgement) in connection.unacknowledged {
      var header = Header(kind: .acknowledge)
      header.number = acknowledgement.number
      header.epoch = acknowledgement.epoch
      stream.withBytes { send(header, stream: $0, json: payload, to: connection) }
    }
    connection.unacknowledged.removeAll(keepingCapacity: true)
    connection.announce(total)
  }

  private func flushWaiting(_ connection: Connection) {
    while let first = connection.waiting.first {
      let sent = first.stream.withUnsafeBytes { stream in
        first.header.withUnsafeBytes { header in
          first.payload.withUnsafeBytes { payload in
            first.ids.withUnsafeBytes { ids in
              first.note.withUnsafeBytes { note in
                transmit(connection, stream, header, payload, ids, note)
              }
            }
          }
        }
      }
      guard sent else { return }
      connection.removeFirstWaiting()
    }
  }

  /// Pings peers that have been silent for 2 s, and forgets those that let two pings go by.
  ///
  /// Looks at its peers twice a second, however often it is called.
  func keepAlive() {
    let now = clock.milliseconds
    guard now >= nextKeepAliveMilliseconds else { return }
    nextKeepAliveMilliseconds = now + 500
    for connection in connections.values {
      let silence = now - min(now, connection.lastHeardMilliseconds)
      if silence < 2000 {
        connection.pingsUnanswered = 0
      } else if silence >= 6000, connection.pingsUnanswered >= 2 {
        forget(connection)
      } else if silence >= 2000 * UInt64(connection.pingsUnanswered + 1) {
        connection.pingsUnanswered += 1
        send(Header(kind: .ping), json: Array("{}".utf8), to: connection)
      }
    }
  }

  func forget(_ connection: Connection) {
    connection.isGone = true
    if latest === connection { latest = nil }
    connection.removeAllWaiting()
    connections[connection.routingID.withUnsafeBytes { RoutingID($0) }] = nil
  }
}
