import DequeModule
import Durability
import Wire
import ZeroMQ

/// Checkpoints of one worker on their way into the store.
///
/// Each waits until the tokenizer stage gives leave, which it does when somebody is there for the
/// answers; a stream that nobody comes for keeps no other one waiting. What has leave goes together,
/// as a chunk. That waits until the sink has written every answer that was sent before it; and until it
/// is one interval old, so that answers that are still on their way can be computed again. Where the
/// tokenizer stage has left these in its store, for it is about to end, nothing is too young. A stop waits
/// for neither: what has no leave by then, or is too young, is not saved. Its input is still in the log,
/// and the next start computes its answers again. A worker in a process of its own saves the young ones
/// too: the tokenizer stage beside it keeps its cache, or waits until they are saved. Owned by the
/// worker's thread.
final class CheckpointQueue {
  struct Entry {
    let stream: StreamID
    let place: MessagePlace
    let checkpoint: StreamCheckpoint
  }

  private struct Chunk {
    let entries: [Entry]
    /// What the sink had been sent.
    let sent: UInt64
    /// When leave came: its answers were on their way by then.
    let milliseconds: UInt64
    /// Nil until it has been handed to the store.
    var ticket: StateStore.Ticket?
  }

  let store: StateStore
  let bell: CommitBell
  private let interval: UInt64
  /// Whether a stop leaves to the log what is younger than the interval.
  private let leavesYoung: Bool
  private let clock: StageClock
  private var nextRoundMilliseconds: UInt64
  /// Streams with messages since their last checkpoint.
  private var dirty: [InferenceStream] = []
  /// Of the round that is under way.
  private var due: Deque<InferenceStream> = []
  private var gathered: [Entry] = []
  /// Those that wait for leave; each stream's in order.
  private var asked: [StreamID: [Entry]] = [:]
  /// Leave that was given before it was asked for: by a tokenizer stage that was about to end.
  private var granted: [StreamID: MessagePlace] = [:]
  /// Those that have it, and belong to the next chunk.
  private var free: [Entry] = []
  private var chunks: Deque<Chunk> = []
  /// Whether all that there is now is to be saved at once.
  private var isHasty = false

  /// How many of them are looked at in a millisecond, and how many were in this one.
  private var pace = 0
  private var paced: (milliseconds: UInt64, count: Int) = (0, 0)

  /// Streams that are looked at in one turn behind a stop.
  private static let streamsPerTurn = 128
  /// Streams that are looked at in a millisecond, at least: each sends messages to the tokenizer stage and
  /// back, which answers stand behind.
  private static let streamsPerMillisecond = 32

  init(_ store: StateStore, interval: UInt64, leavesYoung: Bool, clock: StageClock) throws {
    self.store = store
    self.clock = clock
    self.interval = interval
    self.leavesYoung = leavesYoung
    nextRoundMilliseconds = clock.milliseconds + interval
    bell = try CommitBell(store)
  }

  /// How long a poll may wait.
  var patience: UInt64 {
    if !free.isEmpty { return 0 }
    if !due.isEmpty || isHasty && !dirty.isEmpty { return 1 }
    if !chunks.isEmpty || !dirty.isEmpty { return min(50, interval) }
    return 500
  }

  /// Behind a stop: whether nothing is left but what waits for leave, or is left to the log.
  var isIdle: Bool {
    let now = clock.milliseconds
    return free.isEmpty && dirty.isEmpty && due.isEmpty && gathered.isEmpty
      && chunks.allSatisfy { $0.ticket == nil && !isOld($0, at: now, isStopping: true) }
  }

  private func isOld(_ chunk: Chunk, at now: UInt64, isStopping: Bool) -> Bool {
    isHasty || isStopping && !leavesYoung || now >= chunk.milliseconds + interval
  }

  /// Saves what there is without waiting for an interval: answers that may be on their way are in the
  /// tokenizer stage's store.
  func hasten() { isHasty = true }

  func removeAll() {
    dirty.removeAll()
    due.removeAll()
    gathered.removeAll()
    asked.removeAll()
    granted.removeAll()
    free.removeAll()
    chunks.removeAll()
    isHasty = false
  }

  /// A message of a stream was applied.
  func touch(_ stream: InferenceStream) {
    guard !stream.isDirty else { return }
    stream.isDirty = true
    dirty.append(stream)
  }

  func append(_ entry: Entry) { gathered.append(entry) }

  /// Gives the streams whose turn it is; with `isStopping` at once.
  func nextStreams(isStopping: Bool) -> [InferenceStream] {
    let now = clock.milliseconds
    if due.isEmpty, !dirty.isEmpty, isStopping || isHasty || now >= nextRoundMilliseconds {
      nextRoundMilliseconds = now + interval
      // In the order in which the store has them.
      due = Deque(dirty.sorted { $0.id < $1.id })
      dirty.removeAll(keepingCapacity: true)
      // A round takes half of its interval at most, where turns are that frequent.
      pace = max(
        CheckpointQueue.streamsPerMillisecond, due.count / Int(clamping: max(1, interval / 2)))
    }
    if now != paced.milliseconds { paced = (now, 0) }
    let room = isStopping || isHasty ? CheckpointQueue.streamsPerTurn : max(0, pace - paced.count)
    let count = min(due.count, room)
    paced.count += count
    defer { due.removeFirst(count) }
    return Array(due.prefix(count))
  }

  /// Ends the turn: `ask` asks for leave for each that was gathered; what has leave is a chunk.
  ///
  /// `sent` is what the sink has been sent so far.
  func close(sent: UInt64, ask: (Entry) -> Void) {
    for entry in gathered {
      if let place = granted[entry.stream], entry.place <= place {
        free.append(entry)
      } else {
        asked[entry.stream, default: []].append(entry)
        ask(entry)
      }
    }
    gathered.removeAll(keepingCapacity: true)
    guard !free.isEmpty else { return }
    chunks.append(Chunk(entries: free, sent: sent, milliseconds: clock.milliseconds))
    free.removeAll(keepingCapacity: true)
  }

  /// The tokenizer stage gives leave to save a stream through a place, and what lies before it.
  func leave(_ stream: StreamID, _ place: MessagePlace) {
    let waiting = asked[stream] ?? []
    if waiting.last.map({ $0.place < place }) ?? true { granted[stream] = place }
    let ready = waiting.prefix { $0.place <= place }
    free += ready
    asked[stream] = ready.count == waiting.count ? nil : Array(waiting.dropFirst(ready.count))
  }

  /// Hands chunks to the store that may go, and gives what has been committed.
  ///
  /// `written` is how much of what the sink was sent is written for certain.
  func advance(
    written: UInt64, isStopping: Bool, committed body: (Entry) -> Void
  ) throws {
    bell.lower()
    try store.check()
    let now = clock.milliseconds
    for index in chunks.indices where chunks[index].ticket == nil {
      let isOld = isOld(chunks[index], at: now, isStopping: isStopping)
      guard isOld, written >= chunks[index].sent, store.hasRoom else { break }
      bell.want(true)
      chunks[index].ticket = store.submit(
        rows: chunks[index].entries.map { .checkpoint($0.stream.name, $0.checkpoint) })
    }
    while let ticket = chunks.first?.ticket, store.isCommitted(ticket),
      let chunk = chunks.popFirst()
    {
      for entry in chunk.entries { body(entry) }
    }
    if chunks.first?.ticket == nil { bell.want(false) }
    if isHasty, dirty.isEmpty, due.isEmpty, gathered.isEmpty, free.isEmpty, chunks.isEmpty {
      isHasty = false
    }
  }
}
