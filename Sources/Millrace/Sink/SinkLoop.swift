import Durability
import Glibc
import Logging
import Wire
import ZeroMQ

/// The loop of the sink stage.
package final class SinkLoop: StageLoop {
  private let stage: SinkStage
  private let control: StageControl
  private let link: LinkReceiver
  private let writer: LineWriter?
  private let publisher: Publisher?
  private let tap: Tap?
  private let metrics: StageMetrics
  private var line: [UInt8] = []
  private var alarms: AlarmWatch?
  /// What was written, with a store.
  private let written: WrittenLog?
  /// Credit to give back when this turn's lines are written; without a store.
  private var held: [(connection: Connection, units: UInt64)] = []
  /// Whether lines wait for room on the output's disk.
  private var isFull: Bool { writer?.isStalled ?? false }
  /// Whether the log has it that the disk is full.
  private var isToldFull = false
  /// How long a full disk is left alone.
  private static let fullDisk = Duration.milliseconds(200)
  /// While the output's disk is full.
  private var whileFull = Poller()
  /// Lines of the answer under way, where they are kept for readers who come late.
  private var kept: [KeptLines.Line] = []
  /// Traced answers of this turn, until their lines are written.
  private var traced: [TracedAnswer] = []
  private var poller = Poller()
  private var linkItem: Int?
  /// How long answers gather that nobody reads.
  private static let pauseMicroseconds: UInt32 = 200
  private var tapItem: Int?
  /// When `stop` was seen, or anything since then.
  private var stoppedAtMilliseconds: UInt64?

  package init(_ stage: SinkStage, _ control: StageControl) throws {
    self.stage = stage
    self.control = control
    metrics = control.metrics.stage(
      stage.name, model: "",
      duration: ("millrace_write_duration_seconds", "How long writing the lines of a turn takes."))
    alarms = stage.alarm.map(AlarmWatch.init)
    writer = try LineWriter(stage.output)
    publisher = try stage.publish.map {
      try Publisher(
        control, endpoint: $0, format: stage.publishFormat, subscriptions: stage.subscriptions)
    }
    tap = try stage.endpoints.taps.map {
      try Tap(control, feed: $0, stage: "sink", name: stage.name)
    }
    link = try LinkReceiver(
      context: control.context, clock: control.clock, endpoint: stage.endpoints.answers,
      window: Limits.sinkAnswers, isAcknowledging: false, queueMessages: 0,
      use: .links, guarding: control.guarding)
    written = try stage.store.map {
      try WrittenLog(
        $0, historyMilliseconds: stage.historyMilliseconds, clock: control.clock)
    }
    try cutOutput()
  }

  /// Takes off the end of the file what was written and not committed: it comes again.
  private func cutOutput() throws {
    guard let writer, writer.isFile, let written else { return }
    let length = try writer.length()
    guard let committed = try written.outputLength() else {
      // What stands there before the first run belongs to somebody else.
      return try written.begin(outputLength: (length, writer.descriptor))
    }
    if length > committed { try writer.cut(to: committed) }
    if length < committed {
      control.logger.warning(
        "the output file is shorter than it was left: moved, cut, or lost in a power cut",
        metadata: ["bytes": "\(length)", "expected": "\(committed)"])
    }
  }

  package func begin() throws {
    linkItem = poller.add(link.socket)
    poller.add(control.stop)
    if let written { poller.add(written.bell.signal) }
    whileFull.add(control.stop)
    tapItem = tap?.add(to: &poller)
    control.ready()
  }

  package func wait() throws {
    guard !isFull else { return _ = try whileFull.wait(timeout: SinkLoop.fullDisk) }
    if isIdle { usleep(SinkLoop.pauseMicroseconds) }
    _ = try poller.wait(timeout: .milliseconds(stoppedAtMilliseconds == nil ? 500 : 10))
  }

  /// Whether what comes is only counted: nobody reads it.
  ///
  /// Then it may gather, since each time that this stage is woken costs the stage before it a call of
  /// the system; credit is back long before the next batches have used it up.
  private var isIdle: Bool {
    writer == nil && publisher == nil && alarms == nil && traced.isEmpty
      && !(tap?.isHeard ?? false) && stoppedAtMilliseconds == nil
  }

  package func turn() throws -> Bool {
    let isStopping = control.stop.isRaised
    // What was sent before it was raised is found, though the wait may have been over by then.
    try poller.look(anew: isStopping)
    if poller.isReadable(tapItem) { try tap?.readSubscriptions() }
    try publisher?.readSubscriptions()
    let received =
      !isFull && poller.isReadable(linkItem)
      ? try link.receive(limit: Limits.drainMessages) { try write($0, $1) } : 0
    try flush()
    // Only now: what is credited has been written.
    link.flush()
    if control.hasNeighbours { link.keepAlive() }
    return isStopping ? try !isDrained(received: received) : true
  }

  /// Behind `stop`: whether all is written, and nobody has said more for a while.
  private func isDrained(received: Int) throws -> Bool {
    let now = control.clock.milliseconds
    if received > 0 || stoppedAtMilliseconds == nil { stoppedAtMilliseconds = now }
    let since = stoppedAtMilliseconds ?? now
    guard received == 0, written?.isIdle ?? true, now - since >= control.drainIdleMilliseconds
    else { return false }
    if written != nil { try writer?.sync() }
    return true
  }

  /// Writes the lines of this turn, timed, and gives their credit back once they count.
  private func flush() throws {
    metrics.turns.add(1)
    defer {
      metrics.steps.add(metrics.waiting)
      if !traced.isEmpty { keepSpans() }
    }
    if let writer, !writer.buffer.isEmpty {
      let began = MonotonicClock.nanoseconds
      try writer.flush()
      metrics.duration.observe(nanoseconds: MonotonicClock.nanoseconds - began)
      try tellStall()
      if control.stop.isRaised { try writer.checkRoom() }
      // No credit is given back for what is not written.
      if writer.isStalled { return }
    }
    for (connection, units) in held { connection.release(units: units) }
    held.removeAll(keepingCapacity: true)
    guard let written else { return }
    var length: (Int64, descriptor: Int32)?
    if let writer, writer.isFile { length = (try writer.length(), writer.descriptor) }
    try written.advance(outputLength: length)
  }

  /// Says when the output's disk is full, and when it is written again.
  private func tellStall() throws {
    guard let writer, writer.isStalled != isToldFull else { return }
    isToldFull = writer.isStalled
    guard writer.isStalled else { return control.logger.notice("the output is written again") }
    control.logger.error("the output's disk is full; answers wait until there is room")
  }

  /// Of what this turn has written.
  private func keepSpans() {
    for answer in traced {
      control.spans.keep(
        "millrace.write", kind: .internal, below: answer.parent, from: answer.readNanoseconds,
        to: MonotonicClock.nanoseconds, stream: answer.stream, number: answer.number,
        steps: answer.steps)
    }
    traced.removeAll(keepingCapacity: true)
  }

  private func write(_ message: InboundMessage, _ connection: Connection) throws {
    if message.header.kind == .hello { link.welcome(connection, model: "") }
    guard let stream = message.stream, message.header.kind == .answer else { return }
    let units = message.header.sinkUnits
    _ = connection.receive(units: units)
    metrics.messages.add(1)
    let isState = message.header.carriesState
    if !isState { metrics.stepsIn.add(UInt64(message.header.count)) }
    if let parent = control.spans.parent(of: message.note) {
      traced.append(TracedAnswer(parent, stream, message.header))
    }
    guard let written else {
      connection.hold(units: units)
      held.append((connection, units))
      if isState { return try takeState(message, of: stream, connection) }
      return try write(message, of: stream, from: 0)
    }
    written.hold(units, of: connection)
    if isState { return try takeState(message, of: stream, connection) }
    // What was written before a restart comes again, from the last checkpoint on.
    let life = message.header.input
    guard var standing = try written.written(of: stream, in: life) else { return }
    if !standing.alarm.isEmpty { alarms?.restore(standing.alarm, of: stream) }
    let number = message.header.number
    let skipped = standing.next > number ? standing.next - number : 0
    let isLast = message.header.flags.contains(.last)
    guard skipped < UInt64(message.header.count) || isLast else { return }
    try write(message, of: stream, from: Int(min(skipped, UInt64(message.header.count))))
    let next = max(standing.next, message.header.end)
    written.keep(kept, of: stream, life: life, first: standing.next, next: next)
    standing.next = next
    standing.isEnded = isLast
    standing.alarm = isLast ? [] : alarms?.encoded(stream) ?? []
    written.set(standing, of: stream)
  }

  /// What is no answer: with PEEK a question about the stream's alarm; with START its alarm as it was
  /// where the stream comes from; with END that the stream has gone elsewhere.
  private func takeState(
    _ message: InboundMessage, of stream: StreamID, _ connection: Connection
  ) throws {
    let header = message.header
    if header.flags.contains(.peek) {
      let alarm = alarms?.encoded(stream) ?? []
      var reply = Header(.answer, state: alarm.count, flags: [.peek, .last])
      reply.model = header.model
      let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
      stream.withBytes { name in
        alarm.withUnsafeBytes {
          link.send(
            reply, stream: name, payload: $0, ids: nothing, note: nothing, isCredited: true,
            to: connection)
        }
      }
      return
    }
    let life = header.input
    var standing = WrittenAnswers(life: life)
    if let written {
      guard let known = try written.written(of: stream, in: life) else { return }
      standing = known
    }
    if header.flags.contains(.end) {
      alarms?.forget(stream)
      standing.isEnded = true
      standing.alarm = []
    } else {
      // It comes again behind a restart, and may be long past then.
      guard standing.next == 0, standing.alarm.isEmpty else { return }
      let event = alarms?.replace(Array(message.payload), of: stream) ?? nil
      try tell(event.map { [$0] } ?? [], of: stream, answer: header)
      standing.alarm = alarms?.encoded(stream) ?? []
    }
    written?.set(standing, of: stream)
  }

  /// Writes an answer's rows from `first` on.
  private func write(_ message: InboundMessage, of stream: StreamID, from first: Int) throws {
    var tapped = tap?.topic("result", stream: stream)
    let isKept = written?.keepsLines ?? false
    kept.removeAll(keepingCapacity: true)
    let isAskedFor = writer != nil || publisher != nil || isKept || alarms != nil
    guard isAskedFor || tapped != nil else { return }
    let answer = AnswerMessage(message)
    if let topic = tapped, let tap, !tap.hasRoom {
      tap.passOver(topic, count: UInt64(max(first, answer.count) - first))
      tapped = nil
      guard isAskedFor else { return }
    }
    var header = message.header
    header.input = header.end
    for row in first..<max(first, answer.count) {
      line.removeAll(keepingCapacity: true)
      answer.withRow(row) {
        stage.format.appendLine(
          stream: stream, number: answer.number(of: row), token: answer.token(of: row), row: $0,
          isEnd: answer.isEnd(row), to: &line)
      }
      writer?.buffer.append(contentsOf: line)
      try publisher?.publish(line: line, stream: stream, answer: header, row: row)
      let number = answer.number(of: row)
      if let tapped { tap?.publish(tapped, line: line, number: number) }
      if isKept { kept.append(KeptLines.Line(number: number, text: line)) }
      let events = answer.withRow(row) { alarms?.take($0, number: number, of: stream) }
      try tell(events ?? [], of: stream, answer: header)
    }
    try publisher?.publish(tensor: message, header, from: first, stream: stream)
    if message.header.flags.contains(.last), let event = alarms?.end(stream) {
      try tell([event], of: stream, answer: header)
    }
  }

  /// Says of alarms that were raised or cleared: in the log, the file, and what is published.
  private func tell(_ events: [AlarmEvent], of stream: StreamID, answer: Header) throws {
    for event in events {
      line.removeAll(keepingCapacity: true)
      alarms?.append([event], of: stream, to: &line)
      control.logger.log(
        level: event.kind == .raised ? .warning : .notice, "alarm \(event.kind.rawValue)",
        metadata: [
          "stream": "\(stream)", "number": "\(event.number)", "of": "\(stage.alarm?.subject ?? "")",
          "score": "\(event.score.map { "\($0)" } ?? "none")",
        ])
      writer?.buffer.append(contentsOf: line)
      try publisher?.publish(alarm: line, stream: stream, number: event.number, answer: answer)
      if let topic = tap?.topic("alarm", stream: stream) {
        tap?.publish(topic, line: line, number: event.number, isUrgent: true)
      }
    }
  }
}
