import Wire

/// What comes back to a client, and what it must be.
extension SimulatedClient {
  /// A message that came: its parts, read.
  private struct Arrival {
    let stream: String
    let header: Header
    let payload: [UInt8]
    let ids: [Int32]

    init(_ parts: [[UInt8]]) throws {
      stream = String(decoding: parts[0], as: UTF8.self)
      header = try parts[1].withUnsafeBytes { bytes throws(WireError) in try Header(bytes: bytes) }
      payload = parts.count > 2 ? parts[2] : []
      ids =
        parts.count > 3 ? Arrival.values(parts[3], UInt32.self).map { Int32(bitPattern: $0) } : []
    }

    var rows: [[Float]] {
      let values = Arrival.values(payload, UInt32.self).map { Float(bitPattern: $0) }
      let width = Int(header.width)
      return (0..<Int(header.count)).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }

    private static func values<Value: FixedWidthInteger>(
      _ bytes: [UInt8], _ type: Value.Type
    ) -> [Value] {
      let size = MemoryLayout<Value>.size
      return bytes.withUnsafeBytes { bytes in
        (0..<bytes.count / size).map {
          Value(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: Value.self))
        }
      }
    }
  }

  func take(_ message: Relay.Message, on relay: Relay) throws {
    let arrival = try Arrival(message.parts)
    let isCurrent = relay === link
    if world.clock.milliseconds >= saidMilliseconds + 4000 { isGreetingDue = true }
    switch arrival.header.kind {
    case .welcome where isCurrent: try takeEarly(try arrival.payload.withUnsafeBytes(Welcome.init))
    case .credit where isCurrent: try grant(try arrival.payload.withUnsafeBytes(Credit.init).total)
    case .acknowledge: try takeAcknowledgement(arrival, isCurrent: isCurrent)
    case .answer: try takeAnswer(arrival)
    case .refuse: try takeRefusal(arrival)
    case .ping: say(.pong, json: arrival.payload, on: relay)
    case .pong where isCurrent:
      if arrival.payload == barrier, let early { try takeWelcome(early) }
      if arrival.payload == caughtUp { catchUp() }
    case .welcome, .credit, .pong: break
    case .data, .hello, .models:
      throw Violation(
        "a daemon sends no data", at: name, expected: "an answer",
        received: arrival.header.kind.name)
    }
  }

  // MARK: Credit

  private var barrier: [UInt8] { Array("{\"hello\":\(hellos)}".utf8) }

  /// Only the welcome to the last hello counts; a ping behind it tells when earlier ones are lost.
  private func takeEarly(_ welcome: Welcome) throws {
    guard hellosOpen > 0 else { return }
    hellosOpen -= 1
    if hellosOpen == 0 { return try takeWelcome(welcome) }
    early = welcome
    say(.ping, json: barrier)
  }

  private func takeWelcome(_ welcome: Welcome) throws {
    (early, hellosOpen, isWelcome) = (nil, 0, true)
    (sent, credit) = (0, 0)
    try grant(welcome.credit)
    if lostSinceMilliseconds != nil { say(.ping, json: caughtUp) }
    for stream in streams {
      guard let found = welcome.streams[stream.id.name] else {
        throw Violation(
          "a welcome names every stream of its hello", at: stream.life.place,
          expected: "where it stands", received: "nothing")
      }
      let epoch = stream.life.script.epoch
      guard found.epoch <= epoch else {
        throw Violation(
          "a stream has no later life than its client began", at: stream.life.place,
          expected: "epoch \(epoch)", received: "\(found.epoch)")
      }
      if let expected = found.expected, found.epoch == epoch {
        try stream.life.goOn(from: expected, isClosed: found.closed)
        // The cache has nothing of a parked stream. A hello by a connection that was left may be read
        // behind this one's, so that answers were lost even after all was caught up.
        if isDisturbed, world.parks {
          stream.life.mayMissBelow = max(stream.life.mayMissBelow, found.answers)
          stream.life.loseRefusals()
        }
      } else if !stream.life.isClosed {
        try stream.life.beginAgain()
      }
    }
  }

  private func grant(_ total: UInt64) throws {
    let most = sent + world.window
    guard total <= most else {
      throw Violation(
        "credit is a window, no more", at: name, expected: "at most \(most)", received: "\(total)")
    }
    if total > credit { progressMilliseconds = world.clock.milliseconds }
    credit = max(credit, total)
  }

  // MARK: Streams

  private func life(_ arrival: Arrival) throws -> SentLife {
    let stream = streams.first { $0.id.name == arrival.stream }
    guard let life = stream?.lives.first(where: { $0.script.epoch == arrival.header.epoch }) else {
      throw Violation(
        "what comes back is of a stream and life of ours", at: name,
        expected: "one of \(streams.map(\.id.name))",
        received: "\(arrival.stream), epoch \(arrival.header.epoch)")
    }
    return life
  }

  private func takeAcknowledgement(_ arrival: Arrival, isCurrent: Bool) throws {
    progressMilliseconds = world.clock.milliseconds
    try life(arrival).acknowledge(below: arrival.header.number)
    guard !arrival.payload.isEmpty else { return }
    let credit = try arrival.payload.withUnsafeBytes(Credit.init)
    guard credit.isCached || !asksForNothingAgain else {
      throw Violation(
        "who asks for no answer again is not told that one is gone", at: arrival.stream,
        expected: "an acknowledgement", received: "\(arrival.header.number): \(credit)")
    }
    if isCurrent { try grant(credit.total) }
  }

  private func takeAnswer(_ arrival: Arrival) throws {
    progressMilliseconds = world.clock.milliseconds
    let life = try life(arrival)
    for (index, row) in arrival.rows.enumerated() {
      let token = world.setup.input == .words ? arrival.ids[index] : nil
      let number = arrival.header.number + UInt64(index)
      let isRepeated = try life.take(number: number, row: row, token: token)
      guard !isRepeated || !asksForNothingAgain else {
        throw Violation(
          "an answer comes once, unless it is asked for again", at: "\(life.place), step \(number)",
          expected: "what comes behind it", received: "the same once more")
      }
    }
    if arrival.header.flags.contains(.last) { life.isClosed = true }
  }

  private func takeRefusal(_ arrival: Arrival) throws {
    progressMilliseconds = world.clock.milliseconds
    let refusal = try arrival.payload.withUnsafeBytes(Refusal.init)
    let header = arrival.header
    if header.input > header.number {
      return try life(arrival).takeRefusal(
        of: header.number, through: header.input, code: refusal.code.rawValue)
    }
    switch refusal.code {
    case .gap, .noStart, .closed, .alreadyOpen, .fenced:
      guard isDisturbed || world.refusesForRoom else { throw unexpected(refusal, arrival) }
    case .tooManyStreams, .stopping: break
    default: throw unexpected(refusal, arrival)
    }
    isGreetingDue = true
  }

  private func unexpected(_ refusal: Refusal, _ arrival: Arrival) -> Violation {
    Violation(
      "who keeps the rules is not refused",
      at: "\(name), \(arrival.stream), number "
        + "\(arrival.header.number)", expected: "no refusal",
      received: "\(refusal.code.rawValue): \(refusal.message)")
  }
}
