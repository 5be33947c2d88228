import Durability
import Wire

/// A question that the tokenizer stage asks a stream's worker, in order with the stream's data, so that
/// the answer belongs to a number.
///
/// Owned by the tokenizer stage's thread.
final class StateQuestion {
  /// What is asked; the wire has it as JSON, `{"ask":"state"}`.
  enum Kind: String, CaseIterable {
    /// The stream's checkpoint, and what the sink remembers of it.
    case state
    /// That it leaves memory.
    case park

    var bytes: [UInt8] { Array("{\"ask\":\"\(rawValue)\"}".utf8) }

    init?(bytes: [UInt8]) {
      guard let kind = Kind.allCases.first(where: { $0.bytes == bytes }) else { return nil }
      self = kind
    }
  }

  typealias Answer = Result<StreamSnapshot, ControlRefusal>

  let kind: Kind
  let number: UInt64
  let stream: StreamID
  /// Where the stream stood when it was asked.
  var standing: StreamStanding
  /// When it is given up.
  let dueMilliseconds: UInt64
  /// From the worker.
  var checkpoint: StreamCheckpoint?
  /// From the sink, which may be later.
  var alarm: [UInt8]?
  private var then: ((Answer) throws -> Void)?

  init(
    _ kind: Kind, number: UInt64, of stream: IngressStream, dueMilliseconds: UInt64,
    then: @escaping (Answer) throws -> Void
  ) {
    self.kind = kind
    self.number = number
    self.stream = stream.id
    standing = stream.standing
    self.dueMilliseconds = dueMilliseconds
    self.then = then
  }

  var isDone: Bool { then == nil }

  /// Tells whoever waits; once.
  func finish(_ answer: Answer) throws {
    guard let then else { return }
    self.then = nil
    try then(answer)
  }

  /// The worker was started anew, or has nothing to tell.
  func fail(_ reason: String) throws {
    try finish(.failure(ControlRefusal(.stopping, "\(stream): \(reason)")))
  }
}
