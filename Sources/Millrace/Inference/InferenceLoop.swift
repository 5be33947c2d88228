import DequeModule
import Durability
import Logging
import Recurrence
import Wire
import ZeroMQ

/// The loop of one inference worker; everything in it belongs to the worker's thread.
///
/// Read up to 64 messages, take a step of every ready stream up to the batch, send what is due,
/// again. A batch never waits to fill, unless `linger` says so. Where few streams are ready each
/// takes several steps, so that a turn is worth its while.
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
  var readySince: UInt64 = 0
  /// A model that is compared with the one that serves; nil for none.
  var shadow: ShadowRun?
  /// A file that is read to be swapped in.
  var loading: (candidate: ModelRecord, attempt: UInt64)?
  /// Streams that may rest on a model that was dropped.
  var leaving: [InferenceStream] = []
  /// Values of an answer.
  let answerWidth: Int
  // Of the settings, for what is asked at every step: a copy of them counts references.
  let isPlain: Bool
  let answersEachStep: Bool
  let batchSize: Int
  let keepsInputs: Bool
  let resetEvery: Int?
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
    resetEvery = stage.settings.resetEvery
    metrics = control.metrics.stage(
      stage.name, model: stage.shelf.first.hash,
      duration: ("millrace_step_duration_seconds", "How long the steps of one turn take."))
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
      if message.header.isUrgent { checkpoints?.hasten() }
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
}

extension SequenceShape {
  /// Whether each input step has an answer of its own.
  var answersEachStep: Bool {
    if case .oneToMany = self { false } else { true }
  }
}
