import DequeModule
import Durability
import Logging
import Recurrence
import Wire
import ZeroMQ

/// The loop of one inference worker; everything in it belongs to the worker's thread.
///
/// Read up to 64 messages, take one step of every ready stream up to the batch, send what is due,
/// again. A batch never waits to fill, unless `linger` says so. A stream that is alone takes as many
/// of its steps at once as a batch has room for.
package final class InferenceLoop: StageLoop {
  let stage: InferenceStage
  let control: StageControl
  /// Which stream runs on which model.
  let models: WorkerModels
  let link: LinkReceiver
  let sink: LinkSender
  let tap: Tap?
  let metrics: StageMetrics
  var streams: [StreamID: InferenceStream] = [:]
  /// Streams with steps to take, first come first served; a stream goes to the back after its step.
  var ready: Deque<InferenceStream> = []
  /// Models with streams in their batches, in this turn.
  var stepping: [WorkerModel] = []
  /// Streams behind their END that generate, by turns.
  var generating: Deque<InferenceStream> = []
  /// When the first of the ready streams became ready; meaningful with `linger` only.
  private var readySince: UInt64 = 0
  /// A model that is compared with the one that serves; nil for none.
  var shadow: ShadowRun?
  /// A file that is read to be swapped in.
  var loading: (candidate: ModelRecord, attempt: UInt64)?
  /// Streams that may rest on a model that was dropped.
  var leaving: [InferenceStream] = []
  /// Values of an answer.
  let answerWidth: Int
  // Of the settings, for what is asked at every step: a copy of them counts references.
  private let isPlain: Bool
  private let answersEachStep: Bool
  private let batchSize: Int
  private let keepsInputs: Bool
  /// The tokenizer stage: the only peer of the link.
  private(set) var upstream: Connection?
  /// What is on its way into the store; nil without one.
  let checkpoints: CheckpointQueue?
  /// Streams that are to leave memory as soon as they are saved.
  var parkWanted: Set<StreamID> = []
  /// Streams that may leave memory; with a store only.
  var idleOrder = IdleOrder<InferenceStream>()
  /// Whether streams have just left memory, and others may be due.
  var isParking = false
  /// Welcomes of the sink that have been followed.
  private var sinkWelcomes = 0
  private var poller = Poller()
  private var linkItem: Int?
  private var sinkItem: Int?
  private var tapItem: Int?
  /// When `stop` was seen, or anything since then.
  private var stoppedAtMilliseconds: UInt64?

  package init(_ stage: InferenceStage, _ control: StageControl) throws {
    self.stage = stage
    self.control = control
    isPlain = stage.settings.output.isPlain
    batchSize = stage.settings.batch
    keepsInputs = stage.settings.rewarmSteps > 0
    metrics = control.metrics.stage(
      stage.name, model: stage.shelf.first.hash,
      duration: ("millrace_step_duration_seconds", "How long one step of a batch takes."))
    models = try WorkerModels(stage.shelf, batch: stage.settings.batch, metrics: metrics)
    answerWidth = stage.settings.output.width(of: models.current.model.outputWidth)
    // A swap does not change it.
    answersEachStep =
      models.current.model.shape.answersEachStep && stage.settings.emit == .eachStep
    link = try LinkReceiver(
      context: control.context, clock: control.clock,
      endpoint: Endpoint.worker(stage.worker, of: stage.endpoints.tokens),
      window: Limits.workerSteps, isAcknowledging: false, queueMessages: 0,
      use: .links, guarding: control.guarding)
    sink = try LinkSender(
      context: control.context, clock: control.clock, endpoint: stage.endpoints.answers,
      keys: control.guarding.linkKeys(
        to: .links, at: stage.endpoints.answers, key: stage.endpoints.answersKey))
    checkpoints = try stage.store.map {
      try CheckpointQueue(
        $0, interval: stage.checkpointMilliseconds, leavesYoung: !control.hasNeighbours,
        clock: control.clock)
    }
    tap = try stage.endpoints.taps.map {
      try Tap(control, feed: $0, stage: "inference", name: stage.name)
    }
  }

  package func begin() throws {
    linkItem = poller.add(link.socket)
    sinkItem = poller.add(sink.socket)
    poller.add(control.stop)
    poller.add(models.bell)
    if let checkpoints { poller.add(checkpoints.bell.signal) }
    tapItem = tap?.add(to: &poller)
    try sink.sendHello()
    control.ready()
  }

  package func wait() throws {
    let canStep = !isAtRest && sink.available > 0
    let patience =
      stoppedAtMilliseconds != nil ? 10 : isParking ? 1 : checkpoints?.patience ?? 500
    _ = try poller.wait(timeout: canStep ? .zero : .milliseconds(patience))
  }

  package func turn() throws -> Bool {
    let isStopping = control.stop.isRaised
    // What was sent before it was raised is found, though the wait may have been over by then.
    try poller.look(anew: isStopping)
    var received = 0
    if poller.isReadable(linkItem) {
      received = try link.receive(limit: Limits.drainMessages) { try accept($0, $1) }
    }
    if poller.isReadable(sinkItem) {
      _ = try sink.receive(limit: Limits.drainMessages) { takeFromSink($0) }
      followWelcomes()
    }
    try followModels()
    if poller.isReadable(tapItem) { try tap?.readSubscriptions() }
    if sink.available > 0 {
      if !isLingering { try stepBatch() }
      try stepGenerations()
    }
    try saveStates()
    metrics.turns.add(1)
    metrics.credit.set(sink.available)
    metrics.streams.set(UInt64(streams.count))
    if received < Limits.drainMessages { link.flush() }
    // A stage of this process is not dead when it is busy, and its link cannot be cut; another one's can,
    // while all is drained too.
    if control.hasNeighbours {
      link.keepAlive()
      try sink.keepAlive(control.logger)
    }
    return isStopping ? !isDrained(received: received) : true
  }

  /// Whether no stream has steps to take.
  private var isAtRest: Bool { ready.isEmpty && generating.isEmpty }

  /// Behind `stop`: whether all is answered and saved that may be, and nobody has said more for a while.
  private func isDrained(received: Int) -> Bool {
    let now = control.clock.milliseconds
    if received > 0 || !isAtRest || stoppedAtMilliseconds == nil { stoppedAtMilliseconds = now }
    let since = stoppedAtMilliseconds ?? now
    return received == 0 && isAtRest && !link.hasWaiting && checkpoints?.isIdle ?? true
      && now - since >= control.drainIdleMilliseconds
  }

  // MARK: Receiving

  private func accept(_ message: InboundMessage, _ connection: Connection) throws {
    if message.header.kind == .hello {
      upstream = connection
      // What it sent before by another connection may be lost, and comes again.
      forgetAll()
      link.welcome(connection, model: models.current.record.hash)
    }
    // What is left of a connection before this one: all that counts of it comes again.
    guard connection === upstream else { return }
    if message.header.kind == .models { return try follow(ModelMessage(payload: message.payload)) }
    if message.header.kind == .acknowledge, let id = message.stream {
      checkpoints?.leave(
        id, MessagePlace(life: message.header.input, messages: message.header.number))
    }
    guard let id = message.stream, message.header.kind == .data else { return }
    let units = UInt64(message.header.stepCount)
    metrics.messages.add(1)
    metrics.stepsIn.add(units)
    // The sender is our own tokenizer stage, which keeps to its credit but for one long text.
    _ = connection.receive(units: units)
    connection.hold(units: units)
    // A question has a number where steps have their generation.
    let model =
      try message.header.isQuestion
      ? streams[id]?.model ?? models.current : models.model(of: message.header.generation)
    guard let stream = try stream(for: id, message.header, model) else {
      return connection.release(units: units)
    }
    stream.runs.append(StepRun(message, model: model))
    if !parkWanted.isEmpty { parkWanted.remove(id) }
    if checkpoints != nil { idleOrder.use(stream, at: control.clock.milliseconds) }
    if !stream.isReady, stream.generation == nil {
      if stage.settings.linger > 0, ready.isEmpty { readySince = control.clock.microseconds }
      stream.isReady = true
      ready.append(stream)
    }
  }

  /// Nothing goes on from zero: the life is over, and its sender is told.
  func refuseLost(_ id: StreamID, _ header: Header) {
    guard let connection = upstream else { return }
    control.logger.error(
      "state lost", metadata: ["stream": "\(id)", "number": "\(header.number)"])
    var answer = Header(kind: .refuse)
    answer.number = header.number
    answer.epoch = header.epoch
    answer.input = header.input
    let refusal = Refusal(
      .stateLost, expected: "a state to go on from", received: "none",
      message: "the inference stage was started anew and has no state of \(id); "
        + "begin the stream anew with START")
    id.withBytes { link.send(answer, stream: $0, json: refusal.bytes, to: connection) }
  }

  /// Looks for a link to the sink that was made anew: answers that were under way by it may be lost.
  private func followWelcomes() {
    guard sink.welcomes != sinkWelcomes else { return }
    let isFirst = sinkWelcomes == 0
    sinkWelcomes = sink.welcomes
    guard !isFirst else { return }
    guard checkpoints != nil else {
      control.logger.error(
        "the sink stage was started anew, and without a store its last answers may be lost")
      return
    }
    control.logger.notice("the sink stage was started anew; going back to the last checkpoints")
    forgetAll()
    link.beginAnew()
  }

  /// Goes back to what is saved: all that came since is sent again.
  private func forgetAll() {
    streams.removeAll()
    ready.removeAll()
    generating.removeAll()
    idleOrder.removeAll()
    checkpoints?.removeAll()
  }

  // MARK: Stepping

  /// Whether there is room in the batch, and time, for more streams to share it.
  private var isLingering: Bool {
    guard stage.settings.linger > 0, ready.count < stage.settings.batch else { return false }
    return !control.stop.isRaised
      && control.clock.microseconds - readySince < UInt64(stage.settings.linger)
  }

  private func stepBatch() throws {
    if ready.count == 1, try stepAlone(ready[0]) { return }
    var count = 0
    while count < batchSize, let stream = ready.popFirst() {
      guard let run = try nextRun(of: stream) else {
        stream.isReady = false
        continue
      }
      try begin(stream, run)
      if isResetDue(stream), !run.isPeek { stream.zero() }
      if isWatched(stream) { publishGates(of: stream) }
      let model = run.model
      if model.chosen.isEmpty {
        model.batch.removeAll()
        stepping.append(model)
      }
      run.append(state: run.peeked ?? stream.state, ahead: 0, to: &model.batch)
      model.chosen.append((stream, run))
      count += 1
    }
    for model in stepping { try stepChosen(of: model) }
    stepping.removeAll(keepingCapacity: true)
  }

  /// One step of the streams that were chosen, all of one model.
  private func stepChosen(of model: WorkerModel) throws {
    takeStep(of: model.model, &model.batch)
    count(model.chosen.count, of: model)
    if let shadow, shadow.serving === model {
      follow(
        shadow,
        model.chosen.enumerated().map { (row: $0, stream: $1.stream, run: $1.run, ahead: 0) })
    }
    for index in model.chosen.indices {
      let (stream, run) = model.chosen[index]
      if isWatched(stream) { publishState(of: stream, run, number: run.nextNumber) }
      try take(model.batch.output(index), of: stream, run)
      if stream.isWaiting {
        ready.append(stream)
      } else {
        stream.isReady = false
      }
    }
    model.chosen.removeAll(keepingCapacity: true)
  }

  func count(_ steps: Int, of model: WorkerModel) {
    metrics.steps.add(UInt64(steps))
    model.steps.add(UInt64(steps))
  }

  /// Takes many steps of the only ready stream at once; false if it has no more than one to take.
  private func stepAlone(_ stream: InferenceStream) throws -> Bool {
    guard let run = try nextRun(of: stream), run.stepCount - run.done > 1, !isWatched(stream)
    else { return false }
    try begin(stream, run)
    var count = min(run.stepCount - run.done, stage.settings.batch)
    if let limit = stage.settings.resetEvery, !run.isPeek {
      if isResetDue(stream) { stream.zero() }
      count = min(count, stream.stepsLeft(of: limit))
    }
    let model = run.model
    model.batch.removeAll()
    let state = run.peeked ?? stream.state
    for offset in 0..<count { run.append(state: state, ahead: offset, to: &model.batch) }
    takeStep(of: model.model, &model.batch)
    self.count(count, of: model)
    if let shadow, shadow.serving === model {
      follow(shadow, (0..<count).map { (row: $0, stream: stream, run: run, ahead: $0) })
    }
    for index in 0..<count { try take(model.batch.output(index), of: stream, run) }
    if !stream.isWaiting {
      stream.isReady = false
      ready.removeFirst()
    }
    return true
  }

  /// The message whose step is next, if there is one; ends those in front of it that have none: a bare
  /// START, RESET or END.
  private func nextRun(of stream: InferenceStream) throws -> StepRun? {
    while stream.isWaiting {
      let run = stream.runs[0]
      guard run.stepCount == 0 else { return run }
      try begin(stream, run)
      try finishRun(of: stream)
    }
    return nil
  }

  /// What a message's flags ask for before its first step.
  private func begin(_ stream: InferenceStream, _ run: StepRun) throws {
    guard run.done == 0 else { return }
    let header = run.header
    if header.isQuestion { return }
    if run.isPeek { return try beginPeek(at: stream, header) }
    let model = run.model
    if header.flags.contains(.start) {
      stream.begin(at: header.number, life: header.place.life, on: model)
      if !run.given.isEmpty { try stream.state.begin(with: run.given) }
    }
    if model !== stream.model { move(stream, to: model) }
    // Numbers between were refused and make no step.
    stream.nextStep = max(stream.nextStep, header.number)
    if header.flags.contains(.reset) {
      stream.zero()
      stream.forgetErrors()
    }
  }

  func isResetDue(_ stream: InferenceStream) -> Bool {
    stage.settings.resetEvery.map { stream.stepsLeft(of: $0) <= 0 } ?? false
  }

  /// Books the answer of one step.
  private func take(
    _ row: UnsafeBufferPointer<Float>, of stream: InferenceStream, _ run: StepRun
  ) throws {
    guard isPlain else { return try takeFormed(row, of: stream, run) }
    try takeAnswer(row, of: stream, run)
  }

  /// As `take`, for answers that are not the bare output.
  private func takeFormed(
    _ row: UnsafeBufferPointer<Float>, of stream: InferenceStream, _ run: StepRun
  ) throws {
    var answer = Array(row)
    let values = run.stepValues(run.done)
    if run.isPeek {
      stage.settings.output.finish(&answer, values: values, &run.peekedErrors)
    } else {
      stage.settings.output.finish(&answer, values: values, &stream.errors)
    }
    try answer.withUnsafeBufferPointer { try takeAnswer($0, of: stream, run) }
  }

  private func takeAnswer(
    _ row: UnsafeBufferPointer<Float>, of stream: InferenceStream, _ run: StepRun
  ) throws {
    if run.isPeek { return try takePeek(row, of: stream, run) }
    let number = run.nextNumber
    stream.step(number: number)
    if keepsInputs { remember(run, of: stream) }
    if answersEachStep {
      if run.rows.isEmpty {
        run.rows.reserveCapacity(
          min(run.stepCount - run.done, Limits.answerRows) * answerWidth)
      }
      run.rows.append(contentsOf: row)
    } else if run.model.model.shape.answersEachStep {
      switch stage.settings.emit {
      case .eachStep: break
      case .every(let count) where Int(stream.stepsSinceAnswer) == count:
        run.firstAnswer = run.done
        run.rows.append(contentsOf: row)
      case .every, .atEnd, .generate:
        let last = stream.last ?? LastOutput()
        stream.last = last
        last.row.removeAll(keepingCapacity: true)
        last.row.append(contentsOf: row)
        last.number = number
        last.model = run.model.key
        last.id = stage.settings.tellsTokens ? run.ids[run.done] : nil
      }
    }
    run.done += 1
    if run.isDone {
      try finishRun(of: stream)
    } else if !run.rows.isEmpty,
      run.done - run.firstAnswer == Limits.answerRows || !answersEachStep
    {
      try sendRows(of: stream)
    }
  }

  /// Sends what a finished message leaves due, and acts on its END.
  func finishRun(of stream: InferenceStream) throws {
    if stream.runs[0].header.isQuestion { return try answerQuestion(about: stream) }
    if stream.runs[0].isPeek { return try finishPeek(of: stream) }
    if stream.runs[0].header.carriesState { return try takeState(of: stream) }
    let hasRows = !stream.runs[0].rows.isEmpty
    if hasRows { try sendRows(of: stream) }
    let run = stream.runs.removeFirst()
    if !run.note.isEmpty { trace(run, of: stream) }
    // An idle stream keeps no room for messages.
    if stream.runs.isEmpty { stream.runs = [] }
    let place = run.header.place
    stream.applied = MessagePlace(life: place.life, messages: place.messages + 1)
    if run.header.flags.contains(.end) { return try end(stream, run) }
    if checkpoints != nil { touch(stream) }
    leaveDropped(stream)
    if !hasRows {
      cover(stream, below: stream.nextStep, for: run)
    }
  }

  private func end(_ stream: InferenceStream, _ run: StepRun) throws {
    if case .generate = stage.settings.emit { return try beginGeneration(of: stream, run) }
    var header = answerHeader(run, below: stream.nextStep)
    header.flags = .last
    header.number = stream.nextStep
    // Rows come of a sequence: where there was no step, there is none to decode.
    if case .oneToMany = stream.model.model.shape, stream.stepsSinceReset > 0 {
      let rows = stream.model.model.decode(stream.state)
      var values = rows.values
      stage.settings.output.scaling?.undo(on: &values)
      header.count = UInt32(rows.rows)
      header.number = 0
      try send(header, of: stream, rows: values, ids: [], for: run)
    } else if let last = stream.last, stream.stepsSinceAnswer > 0 {
      header.count = 1
      header.number = last.number
      header.model = last.model
      try send(
        header, of: stream, rows: last.row, ids: last.id.map { [$0] } ?? [], for: run)
    } else {
      try send(header, of: stream, rows: [], ids: [], for: run)
    }
    forget(stream)
  }

  /// Forgets a stream that has ended; it may begin anew in messages that wait already.
  func forget(_ stream: InferenceStream) {
    stream.isDirty = false
    saveEnd(of: stream)
    if stream.runs.isEmpty {
      streams[stream.id] = nil
    } else if !stream.isReady {
      stream.isReady = true
      ready.append(stream)
    }
  }

  /// Runs the kernels, timed.
  func takeStep(of model: Model, _ batch: inout StepBatch) {
    let began = MonotonicClock.nanoseconds
    model.step(&batch)
    metrics.duration.observe(nanoseconds: MonotonicClock.nanoseconds - began)
  }

  // MARK: Sending

  func answerHeader(_ run: StepRun, below covered: UInt64) -> Header {
    var header = Header(kind: .answer)
    header.elementType = .float32
    header.width = UInt32(answerWidth)
    header.epoch = run.header.epoch
    header.time = run.header.time
    header.input = covered
    header.model = run.model.key
    return header
  }

  /// Sends the rows that a run has gathered.
  private func sendRows(of stream: InferenceStream) throws {
    let run = stream.runs[0]
    let count = run.rows.count / answerWidth
    var header = answerHeader(run, below: run.nextNumber)
    header.count = UInt32(count)
    header.number = run.header.number + UInt64(run.firstAnswer)
    let ids = stage.settings.tellsTokens ? run.ids(run.firstAnswer..<run.firstAnswer + count) : []
    try send(header, of: stream, rows: run.rows, ids: ids, for: run)
    run.rows.removeAll(keepingCapacity: true)
    run.firstAnswer = run.done
    stream.stepsSinceAnswer = 0
  }

  /// Hands one answer to the sink, to the taps, and back to where the data came from.
  ///
  /// `run` is what it answers.
  func send(
    _ header: Header, of stream: InferenceStream, rows: [Float], ids: [Int32], for run: StepRun
  ) throws {
    let isReplied = run.isPeek || stage.settings.reply && !run.isAgain
    try stream.id.withBytes { name in
      try rows.withUnsafeBytes { rows in
        let shared = isReplied && !run.isPeek ? SharedPart(copying: rows) : nil
        try ids.withUnsafeBytes { ids in
          try run.note.withUnsafeBytes { note in
            if isReplied, let upstream {
              link.send(
                header, stream: name, payload: rows, ids: ids, note: note, isCredited: true,
                to: upstream, shared: shared)
            }
            // A PEEK's answer is for the one who asked.
            if run.isPeek { return }
            tap?.publish(
              "output", stream: stream.id, life: stream.life, header: header, payload: rows,
              ids: ids)
            var header = header
            header.input = run.header.input
            try sink.send(
              header, stream: name, payload: rows, ids: ids, note: note,
              units: header.sinkUnits, shared: shared)
          }
        }
      }
    }
    if isReplied {
      release(stream)
    } else {
      cover(stream, below: header.input, for: run, flags: header.flags)
    }
  }

  /// Tells the tokenizer stage that steps are applied although no answer goes back for them.
  private func cover(
    _ stream: InferenceStream, below number: UInt64, for run: StepRun, flags: MessageFlags = []
  ) {
    release(stream)
    guard let upstream, !run.isAgain else { return }
    var header = Header(kind: .acknowledge)
    header.elementType = .json
    header.count = 1
    header.input = number
    header.flags = flags
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    stream.id.withBytes {
      link.send(
        header, stream: $0, payload: nothing, ids: nothing, note: nothing, isCredited: true,
        to: upstream)
    }
  }

  private func release(_ stream: InferenceStream) {
    upstream?.release(units: UInt64(stream.uncovered))
    stream.uncovered = 0
  }
}

extension SequenceShape {
  /// Whether each input step has an answer of its own.
  var answersEachStep: Bool {
    if case .oneToMany = self { false } else { true }
  }
}
