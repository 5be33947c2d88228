import Durability
import Wire

/// Answers that a stop finds with clients that may not have them: their connections may have broken, or
/// they have not come back since the start before.
///
/// They are left in the store and offered behind the next start, so that all states can be saved: a start
/// behind a stop has nothing to compute again.
struct AnswersToLeave {
  /// Streams that a process before this one has left answers of, and whose clients have not come.
  var streams: Set<StreamID> = []
  /// Whether the store has any.
  var areInStore = false
  /// When they are needed no more; nil while clients are waited for.
  var dropMilliseconds: UInt64?
  /// Where the cache ended when its answers became too old to be left, and where it ended since then.
  private(set) var oldestCached = 0
  private var newestCached = 0
  private var nextMilliseconds: UInt64 = 0
  /// Behind a stop: what was handed to the store, and the newest input by then.
  var handedOver: (ticket: StateStore.Ticket, group: UInt64)?
  /// Whether workers have been told to save.
  var isTold = false

  /// Once a turn: the cache ends at `end` now.
  mutating func note(end: Int, at now: UInt64, keptMilliseconds: UInt64) {
    guard now >= nextMilliseconds else { return }
    oldestCached = newestCached
    newestCached = end
    nextMilliseconds = now + keptMilliseconds
  }
}

extension TokenizerLoop {
  // MARK: Stopping

  /// Behind a stop, once all is answered: leaves answers, then has the workers save their states.
  ///
  /// - Returns: whether all of it is in the store.
  func saveForNextStart() throws -> Bool {
    guard let log else { return true }
    if leaving.handedOver.map({ $0.group != log.newestGroup }) ?? true {
      leaving.handedOver = (leaveAnswers(to: log.store), log.newestGroup)
      leaving.isTold = false
    }
    guard let ticket = leaving.handedOver?.ticket, log.store.isCommitted(ticket) else {
      return false
    }
    if !leaving.isTold {
      leaving.isTold = true
      for stream in streams.values where !stream.unsaved.isEmpty {
        let end = MessagePlace(life: stream.life, messages: stream.messages)
        leaveAsked[stream.id] = nil
        try sendLeave(for: stream.id, before: end, isUrgent: true)
      }
    }
    return log.isSaved
  }

  /// Whether the store has all answers that a client may still want.
  var hasLeftAnswers: Bool { leaving.isTold }

  private func leaveAnswers(to store: StateStore) -> StateStore.Ticket {
    guard stage.replies else { return .committed }
    var changes: [StoreChange] = []
    for stream in streams.values {
      // Who has not come since the start has none of them.
      let since = stream.isClaimed || isLeaveDue ? leaving.oldestCached : 0
      let answers = cache.answers(of: stream, since: since)
      guard !answers.isEmpty else { continue }
      changes.append(
        .leaveAnswers(
          stream.id.name,
          LeftAnswers(
            life: stream.life, messages: stream.messages, answers: answers.map(\.asLeft))))
    }
    return changes.isEmpty ? .committed : store.submit(changes)
  }

  // MARK: Starting

  func findLeftAnswers() throws {
    guard let names = try log?.store.streamsWithLeftAnswers() else { return }
    leaving.streams = Set(names.compactMap { StreamID($0) })
    leaving.areInStore = !names.isEmpty
  }

  /// Takes the answers into the cache that were left of a stream, unless it has gone on since.
  func recallAnswers(of stream: IngressStream) throws {
    guard let log, leaving.streams.remove(stream.id) != nil,
      let left = try log.store.leftAnswers(of: stream.id.name), left.life == stream.life
    else { return }
    let end = MessagePlace(life: stream.life, messages: stream.messages)
    let next = stream.unsaved.first?.place ?? end
    guard next <= MessagePlace(life: left.life, messages: left.messages) else { return }
    for answer in left.answers {
      let answer = try AnswerCache.Answer(answer)
      cache.keep(answer, of: stream)
      stream.answered = max(stream.answered, answer.header.end)
      stream.answeredInput = max(stream.answeredInput, answer.header.input)
    }
    stream.nextAnswer = max(stream.nextAnswer, stream.answered)
  }

  /// A stream that is not in memory and that answers were left of, where there is room for it.
  func recalled(_ id: StreamID) throws -> IngressStream? {
    guard leaving.streams.contains(id) else { return nil }
    do {
      return try known(id)
    } catch is RefusedMessage {
      return nil
    }
  }

  /// Once a turn: lets them go when nobody is waited for any more, and whoever came may have lost the
  /// connection again.
  func dropLeftAnswers() {
    guard let log else { return }
    let now = control.clock.milliseconds
    let kept = max(stage.checkpointMilliseconds, Limits.leftAnswersMilliseconds)
    leaving.note(end: cache.end, at: now, keptMilliseconds: kept)
    guard leaving.areInStore, isLeaveDue, !isStopping else { return }
    let due = leaving.dropMilliseconds ?? now + kept
    leaving.dropMilliseconds = due
    guard now >= due else { return }
    leaving.areInStore = false
    leaving.streams = []
    log.store.submit([.dropLeftAnswers])
  }
}

extension AnswerCache.Answer {
  /// As the store has it.
  fileprivate var asLeft: LeftAnswers.Answer {
    LeftAnswers.Answer(
      header: header.bytes, payload: payload, ids: ids, note: note, inputs: inputs,
      firstInput: firstInput)
  }

  /// - Throws: a `WireError` for a header that nobody wrote.
  fileprivate init(_ left: LeftAnswers.Answer) throws {
    self.init(
      header: try left.header.withUnsafeBytes { bytes throws(WireError) in
        try Header(bytes: bytes)
      }, payload: left.payload, ids: left.ids, note: left.note, inputs: left.inputs,
      firstInput: left.firstInput)
  }
}
