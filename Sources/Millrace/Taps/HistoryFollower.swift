import Durability
import Wire

/// A reader of one stream's kept lines from a number on.
///
/// Each line comes once, in order, over pages, losses and restarts of the daemon. No sockets.
struct HistoryFollower {
  enum Finding: Equatable {
    /// To be printed; all before it have been.
    case line
    /// Has been printed already.
    case repeated
    /// Lines that were asked for are not kept any more; what follows begins here.
    case gone(from: UInt64, to: UInt64)
    /// No lines of the stream are kept yet.
    case none
    /// Nothing to print.
    case nothing
    case refused(Refusal)
  }

  /// What is to be subscribed to now.
  private(set) var topic: HistoryTopic
  private let token: String
  private var number: UInt64
  private var life: UInt64?
  private var page: UInt64 = 0
  private var pageLines = UInt64(Limits.historyPageLines)
  private var linesHere: UInt64 = 0
  private var sequence: UInt64 = 0
  /// Whether the daemon has answered.
  private(set) var isHeard = false
  /// Whether the lines of this page are done with, or one of them was lost: the next page is to be
  /// subscribed to.
  private(set) var needsPage = false

  /// `token` is no other reader's.
  init(stream: StreamID, from number: UInt64, token: String) {
    (self.number, self.token) = (number, token)
    topic = HistoryTopic(stream: stream, number: number, life: nil, token: "\(token).0")
  }

  /// Goes on with the lines behind those that came.
  mutating func turnPage() {
    page += 1
    (linesHere, sequence, needsPage) = (0, 0, false)
    topic = HistoryTopic(
      stream: topic.stream, number: number, life: life, token: "\(token).\(page)")
  }

  /// Takes a message of `topic`.
  ///
  /// - Throws: a `JSONError` for a payload that no daemon of ours publishes.
  mutating func take(_ message: TapMessage) throws(JSONError) -> Finding {
    isHeard = true
    // The daemon was started anew and gives the page from its beginning.
    if message.note.sequence == 0 { (linesHere, sequence) = (0, 0) }
    guard message.note.sequence == sequence, !needsPage else {
      needsPage = true
      return .nothing
    }
    sequence += 1
    switch message.header.kind {
    case .refuse: return .refused(try Refusal(payload: message.payload))
    case .welcome: return begin(try HistoryWelcome(payload: message.payload))
    case .answer: return takeLine(message.header.number, of: message.note.life ?? 0)
    default: return .nothing
    }
  }

  private mutating func begin(_ welcome: HistoryWelcome) -> Finding {
    pageLines = welcome.lines
    guard let begins = welcome.begins else { return .none }
    let expected = life == nil || life == begins.life ? number : 0
    if let life, begins.life < life { return .nothing }
    life = begins.life
    number = max(expected, begins.number)
    return begins.number > expected ? .gone(from: expected, to: begins.number) : .nothing
  }

  private mutating func takeLine(_ line: UInt64, of lineLife: UInt64) -> Finding {
    linesHere += 1
    if linesHere == pageLines { needsPage = true }
    if let life, lineLife < life || lineLife == life && line < number { return .repeated }
    (life, number) = (lineLife, line + 1)
    return .line
  }
}
