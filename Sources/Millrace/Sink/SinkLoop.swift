import Logging
import Wire
import ZeroMQ

/// The loop of the sink stage.
final class SinkLoop {
  private let stage: SinkStage
  private let control: StageControl
  private let link: LinkReceiver
  private let writer: LineWriter?
  private let publisher: Publisher?
  private let tap: Tap?
  private let metrics: StageMetrics
  private var line: [UInt8] = []
  private var alarms: AlarmWatch?
  /// Traced answers of this turn, until their lines are written.
  private var traced: [TracedAnswer] = []

  init(_ stage: SinkStage, _ control: StageControl) throws {
    self.stage = stage
    self.control = control
    metrics = control.metrics.stage(
      stage.name, model: "",
      duration: ("millrace_write_duration_seconds", "How long writing the lines of a turn takes."))
    alarms = stage.alarm.map(AlarmWatch.init)
    writer = try LineWriter(stage.output)
    publisher = try stage.publish.map {
      try Publisher(context: control.context, endpoint: $0, format: stage.publishFormat)
    }
    tap = try stage.endpoints.taps.map {
      try Tap(context: control.context, endpoint: $0, stage: "sink")
    }
    link = try LinkReceiver(
      context: control.context, endpoint: stage.endpoints.answers,
      window: Limits.sinkAnswers, isAcknowledging: false, queueMessages: 0)
  }

  func run() throws {
    var poller = Poller()
    poller.add(link.socket)
    poller.add(control.stop)
    control.ready()
    var stoppedAt: UInt64?
    while true {
      _ = try poller.wait(timeout: .milliseconds(stoppedAt == nil ? 500 : 10))
      try tap?.readSubscriptions()
      let received = try link.receive(limit: Limits.drainMessages) { try write($0, $1) }
      try flush()
      // Only now: what is credited has been written.
      link.flush()
      if control.stop.isRaised {
        let now = MonotonicClock.milliseconds
        if received > 0 || stoppedAt == nil { stoppedAt = now }
        if received == 0, let since = stoppedAt,
          now - since >= control.drainIdleMilliseconds
        {
          return
        }
      } else {
        link.keepAlive()
      }
    }
  }

  /// Writes the lines of this turn, timed.
  private func flush() throws {
    metrics.turns.add(1)
    defer {
      metrics.steps.add(metrics.waiting)
      if !traced.isEmpty { keepSpans() }
    }
    guard let writer, !writer.buffer.isEmpty else { return }
    let began = MonotonicClock.nanoseconds
    try writer.flush()
    metrics.duration.observe(nanoseconds: MonotonicClock.nanoseconds - began)
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
    let units = UInt64(message.header.count)
    _ = connection.receive(units: units)
    metrics.messages.add(1)
    metrics.stepsIn.add(units)
    if let parent = control.spans.parent(of: message.note) {
      traced.append(TracedAnswer(parent, stream, message.header))
    }
    let isTapped = tap?.wants("result", stream: stream) ?? false
    guard writer != nil || publisher != nil || isTapped || alarms != nil else { return }
    let answer = AnswerMessage(message)
    for row in 0..<answer.count {
      line.removeAll(keepingCapacity: true)
      answer.withRow(row) {
        stage.format.appendLine(
          stream: stream, number: answer.number(of: row), token: answer.token(of: row), row: $0,
          isEnd: answer.isEnd(row), to: &line)
      }
      writer?.buffer.append(contentsOf: line)
      try publisher?.publish(line: line, stream: stream, answer: message.header, row: row)
      if isTapped { try tap?.publish("result", stream: stream, line: line) }
      let number = answer.number(of: row)
      let events = answer.withRow(row) { alarms?.take($0, number: number, of: stream) }
      try tell(events ?? [], of: stream, answer: message.header)
    }
    try publisher?.publish(tensor: message, stream: stream)
    if message.header.flags.contains(.last), let event = alarms?.end(stream) {
      try tell([event], of: stream, answer: message.header)
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
      try tap?.publish("alarm", stream: stream, line: line)
    }
  }
}
