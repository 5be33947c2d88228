import DequeModule
import Logging
import Wire
import ZeroMQ

/// The loop of the tokenizer stage; everything in it belongs to the stage's thread.
///
/// Answers first, for they give credit; then up to 64 messages of clients, as long as every worker
/// has room; then acknowledgements and credit.
package final class TokenizerLoop: StageLoop {
  let stage: TokenizerStage
  let control: StageControl
  let link: LinkReceiver
  let workers: [LinkSender]
  let tap: Tap?
  let metrics: StageMetrics
  let ingressMetrics: IngressMetrics
  var streams: [StreamID: IngressStream] = [:]
  var openStreams = 0
  /// Open streams, in memory or parked.
  var allOpenStreams = 0
  /// Streams whose state was lost with their worker, until they begin anew.
  var lost: Set<StreamID> = []
  /// Streams that ended, oldest first; the oldest are forgotten.
  var closed: Deque<StreamID> = []
  /// Accepted input on its way; nil without a store.
  let log: InputLog?
  /// The next stream's life.
  private var nextLife: UInt64
  /// The first life that this process drew.
  let firstLife: UInt64
  /// Streams that may leave memory; with a store only.
  var idleOrder = IdleOrder<IngressStream>()
  /// Whether streams have just left memory, and others may be due.
  var isParking = false
  /// When it is looked for room for another stream again.
  var nextRoomMilliseconds: UInt64 = 0
  static let roomMilliseconds: UInt64 = 5
  /// Messages for each worker that have no credit yet; with a store only.
  var outbound: [Deque<InputLog.Message>]
  /// Welcomes of each worker that have been followed.
  private var welcomes: [Int]
  /// Leave that workers have asked for, for streams that nobody has greeted for since the start.
  var leaveAsked: [StreamID: MessagePlace] = [:]
  /// When it is given all the same; nil until clients are listened to.
  private var leaveDueMilliseconds: UInt64?
  /// Whether that time has come, and all that clients had sent by then was read.
  private(set) var isLeaveDue = false
  /// Answers that the next start is to offer, and those that this one has found.
  var leaving = AnswersToLeave()
  /// Why the store does not write for the moment, as it was last told.
  var toldStall: String?
  /// Whether what a process before this one left is still to be answered.
  private var isRecovering = false
  let models: ServedModels
  let cache = AnswerCache(byteCountMax: Limits.answerCacheBytes)
  var step = StepMessage()
  var line: [UInt8] = []
  /// Messages under way to the workers.
  var underWay = 0
  private var isReady = false
  /// Nil where the pipeline has none.
  let controlSocket: ControlSocket?
  /// Requests that take more than a turn; each goes on a little, and says whether it is done.
  var controlTasks: [() throws -> Bool] = []
  /// What workers have been asked about streams.
  var questions: [UInt64: StateQuestion] = [:]
  var nextQuestion: UInt64 = 0
  var nextQuestionCheckMilliseconds: UInt64 = 0
  /// Streams that are on their way to another daemon.
  var held: [StreamID: HeldStream] = [:]
  /// Checkpoints to rewind to; without a store.
  var history: StreamHistory
  /// Streams that moved on since the last round of checkpoints, and those of the round under way.
  var keepDue: Deque<IngressStream> = []
  var keepRound: Deque<IngressStream> = []
  var nextKeepMilliseconds: UInt64 = 0
  /// When parked streams are looked through next for those that expire.
  var nextExpiryMilliseconds: UInt64 = 0
  /// For the lines about peers that went.
  var departurePaces = DeparturePaces()

  /// Steps of those that were looked at when streams were listed last; empty while nobody subscribes.
  var listedSteps: [StreamID: UInt64] = [:]
  /// When its streams are listed next.
  var nextListMilliseconds: UInt64 = 0

  /// Loops since the start.
  private var drains = 0
  /// When `stop` was first seen.
  private var stoppedAtMilliseconds: UInt64?
  /// What wakes it while nothing is taken of clients, and while it is.
  private var poller = Poller()
  private var tapItem: Int?
  private var watchItem: Int?
  private var controlItems: [Int] = []
  private var workerItems: [Int] = []
  private var linkItem: Int?
  /// Clients are waited for only while there is room; this is the number of the other items.
  private var itemsWithoutRoom = 0
  /// Loops behind which acknowledgements and credit go out though more input is there.
  private static let drainsMax = 16

  /// How long a stop waits for the workers to cover what they were sent.
  private static let drainMilliseconds: UInt64 = 10_000

  package init(_ stage: TokenizerStage, _ control: StageControl) throws {
    self.stage = stage
    self.control = control
    models = try TokenizerLoop.servedModels(stage, control)
    metrics = control.metrics.stage(
      stage.name, model: stage.model.hash,
      duration: ("millrace_answer_duration_seconds", "From a message read to its last answer."))
    let ingressMetrics = control.metrics.ingress()
    self.ingressMetrics = ingressMetrics
    link = try LinkReceiver(
      context: control.context, clock: control.clock, endpoint: stage.endpoints.ingress,
      // Input is acknowledged a commit later: more of it is under way.
      window: stage.encoding.creditWindow * (stage.store == nil ? 1 : 4), isAcknowledging: true,
      queueMessages: Limits.clientQueueMessages, isWatched: true,
      use: .ingress, guarding: control.guarding)
    workers = try (0..<stage.workers).map {
      let endpoint = Endpoint.worker($0, of: stage.endpoints.tokens)
      return try LinkSender(
        context: control.context, clock: control.clock, endpoint: endpoint,
        keys: control.guarding.linkKeys(
          to: .links, at: endpoint, key: stage.endpoints.tokensKey))
    }
    tap = try stage.endpoints.taps.map {
      try Tap(control, feed: $0, stage: "tokenizer", name: stage.name)
    }
    controlSocket = try stage.endpoints.control.map { try ControlSocket(control, endpoint: $0) }
    log = try stage.store.map { try InputLog($0, clock: control.clock) }
    history = StreamHistory(
      count: stage.keep?.count ?? 0, byteCountMax: Limits.pastBytes)
    nextLife = try stage.store?.nextEpoch(atLeast: 1) ?? 1
    firstLife = nextLife
    outbound = Array(repeating: [], count: stage.workers)
    welcomes = Array(repeating: 0, count: stage.workers)
    try restore()
    isRecovering = underWay > 0
    link.onRefusal = { ingressMetrics.refuse($0) }
  }

  package func begin() throws {
    poller.add(control.stop)
    if let log { poller.add(log.bell.signal) }
    tapItem = tap?.add(to: &poller)
    watchItem = link.watch?.add(to: &poller)
    controlItems = controlSocket?.add(to: &poller) ?? []
    workerItems = workers.map { poller.add($0.socket) }
    itemsWithoutRoom = poller.count
    linkItem = poller.add(link.socket)
    for worker in workers { try worker.sendHello() }
  }

  package func wait() throws {
    let patience: Duration =
      stoppedAtMilliseconds != nil
      ? .milliseconds(10)
      : isParking
        ? .milliseconds(1)
        : link.isFlushDue || hasControlWork ? .milliseconds(5) : .milliseconds(500)
    _ = try poller.wait(timeout: patience, first: hasRoom ? nil : itemsWithoutRoom)
  }

  package func turn() throws -> Bool {
    let hasRoom = hasRoom
    try poller.look()
    if poller.isReadable(tapItem) { try tap?.readSubscriptions() }
    for (index, item) in workerItems.enumerated() where poller.isReadable(item) {
      let worker = workers[index]
      _ = try worker.receive(limit: Limits.drainMessages) {
        if $0.header.kind == .models {
          try take(ModelMessage(payload: $0.payload), from: index)
        } else {
          try deliver($0, from: worker)
        }
      }
    }
    try followWelcomes()
    try followModels()
    try passOn()
    tellStall()
    parkIdle()
    announceReady()
    try releaseOverdue()
    if hasControlWork || controlItems.contains(where: { poller.isReadable($0) }) {
      try answerControl()
    }
    try giveUpQuestions()
    try keepHistory()
    try expireIdle()
    if poller.isReadable(watchItem) { try link.watch?.gather() }
    let received = hasRoom && poller.isReadable(linkItem) ? try receive() : 0
    if hasRoom, received < Limits.drainMessages { holdReplies() }
    try giveOverdueLeave()
    dropLeftAnswers()
    log?.submit()
    // What those who went had sent has been read then.
    if hasRoom, received < Limits.drainMessages { try reportDepartures() }
    drains += 1
    count()
    listStreams()
    // Nobody's flood may keep acknowledgements and credit from the others.
    if received < Limits.drainMessages || drains % TokenizerLoop.drainsMax == 0 { link.flush() }
    link.keepAlive()
    if control.hasNeighbours {
      for worker in workers { try worker.keepAlive(control.logger) }
    }
    guard control.stop.isRaised, try isDrained(received: received) else { return true }
    try giveLastLeave()
    return false
  }

  /// Answers that were computed again are held for clients from when these can be heard.
  private func holdReplies() {
    let now = control.clock.milliseconds
    let due = leaveDueMilliseconds ?? now + Limits.replyHoldMilliseconds
    leaveDueMilliseconds = due
    isLeaveDue = isLeaveDue || now >= due
  }

  /// Takes what clients have sent; returns how many messages that were.
  private func receive() throws -> Int {
    try link.receive(limit: Limits.drainMessages) { message, connection in
      if message.header.kind == .hello {
        try greet(message, connection)
      } else {
        try accept(message, connection)
      }
    }
  }

  /// Behind `stop`: whether all is answered and saved, or has been waited for long enough.
  private func isDrained(received: Int) throws -> Bool {
    let now = control.clock.milliseconds
    let since = stoppedAtMilliseconds ?? now
    stoppedAtMilliseconds = since
    // What clients send from now on is refused, and keeps nobody waiting.
    let isRead = received < Limits.drainMessages
    if underWay == 0, log?.isIdle ?? true, !link.hasWaiting, isRead, try saveForNextStart() {
      return true
    }
    guard now - since > TokenizerLoop.drainMilliseconds else { return false }
    control.logger.error(
      underWay > 0
        ? "stopped before all was answered"
        : "stopped before all was saved; the next start computes the rest again",
      metadata: ["messages": "\(underWay)"])
    return true
  }

  private func announceReady() {
    if isRecovering, underWay == 0 {
      isRecovering = false
      control.logger.notice("recovered", metadata: ["streams": "\(streams.count)"])
    }
    guard !isReady, !isRecovering, models.isSettled, workers.allSatisfy({ $0.isWelcome }) else {
      return
    }
    isReady = true
    control.ready()
  }

  /// Whether clients are listened to: workers and the store take more, and what was left by a process
  /// before this one has its answers.
  private var hasRoom: Bool {
    guard !isRecovering, models.isSettled,
      stage.onFull == .refuse || workers.allSatisfy({ $0.available > 0 })
    else { return false }
    guard let log else { return true }
    return log.store.hasRoom && log.backlog < Limits.drainMessages * 16
      && outbound.allSatisfy { $0.isEmpty }
  }

  /// A number that no life of any stream had before.
  func drawLife() -> UInt64 {
    defer { nextLife += 1 }
    return nextLife
  }

  /// Looks for links to workers that were made anew: what was sent by them before may be lost.
  private func followWelcomes() throws {
    for (index, worker) in workers.enumerated() where worker.welcomes != welcomes[index] {
      let isFirst = welcomes[index] == 0
      welcomes[index] = worker.welcomes
      try greetModels(index)
      if log != nil {
        try replay(to: index)
      } else if !isFirst {
        try loseAll(of: index)
      }
    }
  }

  var isStopping: Bool { control.stop.isRaised }
}
