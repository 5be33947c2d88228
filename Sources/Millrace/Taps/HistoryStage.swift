import Durability
import Wire
import ZeroMQ

/// Serves kept output lines to readers who come late: those of one stream from a number on, then each
/// as it is committed, from the store alone, so that there is no hole and no double between them.
///
/// A reader asks by a subscription to a topic of its own (`HistoryTopic`) and gets so many lines and no
/// more until it subscribes to the next ones: a slow reader waits for nobody but itself. On a thread and
/// a connection of its own, it does not touch the way of data.
struct HistoryStage: Stage {
  let taps: String
  let store: StateStore

  var name: String { "history" }

  func run(_ control: StageControl) throws {
    let loop = try HistoryLoop(self, control)
    try loop.run()
  }
}

private final class HistoryLoop {
  private let store: StateStore
  private let control: StageControl
  private let socket: Socket<ExtendedPublish>
  private var message = Multipart()
  private var pages: [HistoryTopic: HistoryPage] = [:]
  /// Rings while somebody reads.
  private let bell: CommitBell

  /// How often all readers are looked at; who has just asked is served at once.
  private static let intervalMilliseconds: UInt64 = 10
  private static let rowsMax = 64

  init(_ stage: HistoryStage, _ control: StageControl) throws {
    store = stage.store
    self.control = control
    socket = try Socket<ExtendedPublish>(control.context)
    try socket.setSendHighWaterMark(Limits.subscriberQueueMessages)
    try socket.setLinger(.zero)
    try socket.connect(stage.taps)
    bell = try CommitBell(store)
  }

  func run() throws {
    var poller = Poller()
    poller.add(socket)
    poller.add(control.stop)
    poller.add(bell.signal)
    var hasNews = false
    var nextMilliseconds: UInt64 = 0
    control.ready()
    while !control.stop.isRaised {
      let left = nextMilliseconds - min(nextMilliseconds, MonotonicClock.milliseconds)
      _ = try poller.wait(timeout: .milliseconds(hasNews ? left : 500))
      if bell.signal.isRaised {
        bell.lower()
        hasNews = !pages.isEmpty
      }
      if try readSubscriptions() { hasNews = true }
      guard hasNews, MonotonicClock.milliseconds >= nextMilliseconds else { continue }
      nextMilliseconds = MonotonicClock.milliseconds + HistoryLoop.intervalMilliseconds
      hasNews = try serve()
    }
  }

  /// Takes note of readers that come and go, and gives those that come their first lines.
  ///
  /// - Returns: whether one of them has more to come.
  private func readSubscriptions() throws -> Bool {
    var isAnyLeft = false
    while try socket.receive(into: &message) {
      let bytes = message.bytes(0)
      guard let first = bytes.first, first <= 1,
        let topic = HistoryTopic(String(decoding: bytes.dropFirst(), as: UTF8.self))
      else { continue }
      guard first == 1 else {
        pages[topic] = nil
        bell.want(!pages.isEmpty)
        continue
      }
      guard pages.count < Limits.historyReaders else {
        try refuse(topic)
        continue
      }
      pages[topic] = HistoryPage()
      // Before the first look into the store: what is committed behind it rings.
      bell.want(true)
      if try serve(topic, limit: Limits.historyPageLines) > 0 { isAnyLeft = true }
    }
    return isAnyLeft
  }

  /// Gives every reader what is there for it, all together no more than a page, which the relay has
  /// room for.
  ///
  /// - Returns: whether there may be more.
  private func serve() throws -> Bool {
    var room = Limits.historyPageLines
    for topic in pages.keys {
      guard room > 0 else { return true }
      room -= try serve(topic, limit: room)
    }
    return room < Limits.historyPageLines
  }

  /// - Returns: how many lines it got.
  private func serve(_ topic: HistoryTopic, limit: Int) throws -> Int {
    guard var page = pages[topic], !page.isFull else { return 0 }
    if page.place == nil, let life = try topic.life ?? store.newestKeptLife(of: topic.stream.name) {
      page.begin(at: KeptPlace(life: life, number: topic.number))
    }
    let before = page.linesLeft
    var rows: [KeptLines]
    repeat {
      rows =
        try page.place.map {
          try store.kept(of: topic.stream.name, behind: $0, limit: HistoryLoop.rowsMax)
        } ?? []
      var sequence = page.sequence
      for part in page.take(rows, limit: limit - (before - page.linesLeft)) {
        try publish(part, topic, sequence)
        sequence += 1
      }
    } while rows.count == HistoryLoop.rowsMax && !page.isFull && before - page.linesLeft < limit
    pages[topic] = page
    return before - page.linesLeft
  }

  private func publish(_ part: HistoryPage.Part, _ topic: HistoryTopic, _ sequence: UInt64) throws {
    switch part {
    case .begins(let place):
      let welcome = HistoryWelcome(lines: UInt64(Limits.historyPageLines), begins: place)
      try publish(welcome.bytes, kind: .welcome, topic, number: 0, sequence, life: nil)
    case .line(let line, let life):
      try publish(line.text, kind: .answer, topic, number: line.number, sequence, life: life)
    }
  }

  private func refuse(_ topic: HistoryTopic) throws {
    let refusal = Refusal(
      .overLimit, expected: "at most \(Limits.historyReaders) readers of kept lines",
      received: "one more",
      message: "\(Limits.historyReaders) readers of kept lines are here already; try again later")
    try publish(refusal.bytes, kind: .refuse, topic, number: 0, 0, life: nil)
  }

  private func publish(
    _ json: [UInt8], kind: MessageKind, _ topic: HistoryTopic, number: UInt64, _ sequence: UInt64,
    life: UInt64?
  ) throws {
    var header = Header(kind: kind)
    header.elementType = .json
    header.count = 1
    header.width = UInt32(json.count)
    header.number = number
    let note = "{\"sequence\":\(sequence)\(life.map { ",\"life\":\($0)" } ?? "")}"
    for part in [Array(topic.text.utf8), header.bytes, json, []] {
      _ = try part.withUnsafeBytes { try socket.send($0, more: true) }
    }
    _ = try Array(note.utf8).withUnsafeBytes { try socket.send($0, more: false) }
  }
}
