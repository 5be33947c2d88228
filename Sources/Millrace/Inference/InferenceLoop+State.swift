import Durability
import Wire

/// What the tokenizer stage asks about a stream, and states that come from elsewhere.
extension InferenceLoop {
  /// Goes on from a state that a message brought, or lets go of the stream.
  func takeState(of stream: InferenceStream) throws {
    let run = stream.runs.removeFirst()
    if stream.runs.isEmpty { stream.runs = [] }
    let header = run.header
    var alarm: [UInt8] = []
    if header.flags.contains(.start) {
      let memory = try StreamSnapshot.Memory(bytes: run.state)
      stream.begin(at: header.number, life: header.place.life, on: run.model)
      try stream.take(
        memory.checkpoint,
        by: models.passage(from: memory.checkpoint.generation, to: run.model))
      alarm = memory.alarm
    }
    stream.applied = header.place
    stream.applied.messages += 1
    if stage.settings.hasAlarm {
      try tellSink(header.flags, of: stream, alarm)
    }
    if header.flags.contains(.end) {
      forget(stream)
    } else if checkpoints != nil {
      touch(stream)
    }
  }

  /// Answers a question in its place: behind all that came before it, in front of all that comes after.
  func answerQuestion(about stream: InferenceStream) throws {
    let run = stream.runs.removeFirst()
    if stream.runs.isEmpty { stream.runs = [] }
    guard let kind = StateQuestion.Kind(bytes: run.state) else { return }
    var payload: [UInt8] = []
    switch kind {
    case .state:
      payload = StreamSnapshot.Memory(checkpoint: stream.checkpoint).bytes
      if stage.settings.hasAlarm {
        try tellSink(.peek, of: stream, [], question: run.header.model)
      }
    case .park: parkWanted.insert(stream.id)
    }
    var header = Header(.answer, state: payload.count, flags: .peek)
    header.number = stream.nextStep
    header.model = run.header.model
    reply(header, of: stream.id, payload)
  }

  /// Hands the sink's answer to a question on to the one who asked.
  func takeFromSink(_ message: InboundMessage) {
    guard message.header.kind == .answer, message.header.carriesState, let id = message.stream
    else { return }
    reply(message.header, of: id, Array(message.payload))
  }

  private func reply(_ header: Header, of id: StreamID, _ payload: [UInt8]) {
    guard let upstream else { return }
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    id.withBytes { name in
      payload.withUnsafeBytes {
        link.send(
          header, stream: name, payload: $0, ids: nothing, note: nothing, isCredited: true,
          to: upstream)
      }
    }
  }

  /// Tells the sink what becomes of a stream's alarm, or asks about it, behind all its answers.
  private func tellSink(
    _ flags: MessageFlags, of stream: InferenceStream, _ alarm: [UInt8], question: UInt64 = 0
  ) throws {
    var header = Header(.answer, state: alarm.count, flags: flags)
    header.number = stream.nextStep
    header.input = stream.applied.life
    header.model = question
    try stream.id.withBytes { name in
      try alarm.withUnsafeBytes {
        try sink.send(header, stream: name, payload: $0, units: 1)
      }
    }
  }

  /// Lets those leave memory that somebody wants parked, as soon as the store has them.
  func parkWantedStreams() {
    for id in parkWanted {
      guard let stream = streams[id] else {
        parkWanted.remove(id)
        continue
      }
      guard isAtRest(stream) else { continue }
      streams[id] = nil
      parkWanted.remove(id)
    }
  }
}
