import DequeModule
import Wire
import ZeroMQ

/// A client of the ingress: sends input lines within its credit, and hands back what comes.
///
/// Used by one thread. Numbers are counted here for lines that bring none.
package final class StreamClient {
  /// What came back.
  package enum Event {
    /// Rows for one stream; `rows.count` is 0 for a bare end.
    case answer(StreamID, Header, rows: AnswerMessage)
    /// `number` is the first number of the refused message.
    case refused(StreamID?, number: UInt64, Refusal)
  }

  private let link: LinkSender
  private var waiting: Deque<InputLine> = []
  private var numbers: [StreamID: UInt64] = [:]
  /// Streams that have been sent to and not ended by an answer or a refusal.
  package private(set) var open: Set<StreamID> = []
  /// Streams whose END was sent.
  private var ending: Set<StreamID> = []
  private var abandoned: Set<StreamID> = []
  /// Payload bytes of one message: lines beyond it are cut.
  private static let cutBytes = 32 * 1024

  package init(context: Context, endpoint: String) throws {
    link = try LinkSender(context: context, endpoint: endpoint, queueMessages: 0)
    try link.sendHello()
  }

  package var isWelcome: Bool { link.isWelcome }
  package var hasWaiting: Bool { !waiting.isEmpty }

  /// Adds the client's socket to a poller.
  package func add(to poller: inout Poller) { poller.add(link.socket) }

  /// Takes a line; it leaves as soon as there is credit.
  package func submit(_ line: InputLine) throws {
    guard !abandoned.contains(line.stream) else { return }
    waiting.append(line)
    try sendWaiting()
  }

  /// Reads what has come, without waiting, and sends what waited for credit.
  package func receive(_ handle: (Event) throws -> Void) throws {
    repeat {
      let count = try link.receive(limit: Limits.drainMessages) { message in
        switch message.header.kind {
        case .answer:
          guard let stream = message.stream else { return }
          if message.header.flags.contains(.last) { close(stream) }
          try handle(.answer(stream, message.header, rows: AnswerMessage(message)))
        case .refuse:
          let refusal = try Refusal(payload: message.payload)
          try handle(.refused(message.stream, number: message.header.number, refusal))
        default: break
        }
      }
      try sendWaiting()
      if count < Limits.drainMessages { break }
    } while true
    try link.keepAlive()
  }

  /// Ends every stream that is open.
  package func endAll() throws {
    for stream in open.subtracting(ending).sorted() {
      var line = InputLine(stream: stream)
      line.end = true
      try submit(line)
    }
  }

  private func close(_ stream: StreamID) {
    open.remove(stream)
    ending.remove(stream)
    numbers[stream] = nil
  }

  /// Nothing more will come for a stream: it was refused for good.
  package func abandon(_ stream: StreamID) {
    close(stream)
    waiting.removeAll { $0.stream == stream }
    abandoned.insert(stream)
  }

  // MARK: Sending

  private func sendWaiting() throws {
    while let line = waiting.first, link.isWelcome {
      // A line larger than the credit goes in pieces as credit comes.
      let available = Int(clamping: link.available)
      guard line.units == 0 || available > 0 else { return }
      waiting.removeFirst()
      let (now, rest) = StreamClient.cut(line, units: available)
      try send(now)
      if let rest {
        waiting.prepend(rest)
      }
    }
  }

  /// Splits a line that has more than `units`, or more bytes than one message should have.
  private static func cut(_ line: InputLine, units: Int) -> (InputLine, InputLine?) {
    var first = line
    var rest = line
    switch line.payload {
    case .none: return (line, nil)
    case .text(let bytes):
      let limit = min(units, cutBytes)
      guard bytes.count > limit else { return (line, nil) }
      first.payload = .text(Array(bytes[..<limit]))
      rest.payload = .text(Array(bytes[limit...]))
    case .tokens(let ids):
      let limit = min(units, cutBytes / 4, Limits.messageSteps)
      guard ids.count > limit else { return (line, nil) }
      first.payload = .tokens(Array(ids[..<limit]))
      rest.payload = .tokens(Array(ids[limit...]))
    case .values(let values, let width):
      let limit = min(units, max(1, cutBytes / 4 / max(1, width)), Limits.messageSteps)
      guard width > 0, values.count / width > limit else { return (line, nil) }
      first.payload = .values(Array(values[..<(limit * width)]), width: width)
      rest.payload = .values(Array(values[(limit * width)...]), width: width)
    }
    first.end = false
    rest.start = false
    rest.reset = false
    rest.number = line.number.map { $0 + UInt64(first.units) }
    return (first, rest)
  }

  private func send(_ line: InputLine) throws {
    var header = Header(kind: .data)
    header.number = line.number ?? numbers[line.stream] ?? 0
    if line.start { header.flags.insert(.start) }
    if line.end { header.flags.insert(.end) }
    if line.reset { header.flags.insert(.reset) }
    header.count = UInt32(line.units)
    numbers[line.stream] = header.number + UInt64(line.units)
    open.insert(line.stream)
    if line.end { ending.insert(line.stream) }
    switch line.payload {
    case .none: try send(header, line.stream, [UInt8]())
    case .text(let bytes):
      header.elementType = .text
      header.width = 1
      try send(header, line.stream, bytes)
    case .tokens(let ids):
      header.elementType = .int32
      header.width = 1
      try send(header, line.stream, ids)
    case .values(let values, let width):
      header.elementType = .float32
      header.width = UInt32(width)
      try send(header, line.stream, values)
    }
  }

  private func send<Value: BitwiseCopyable>(
    _ header: Header, _ stream: StreamID, _ payload: [Value]
  ) throws {
    var name = stream.name
    try name.withUTF8 { name in
      try payload.withUnsafeBytes { payload in
        try link.send(
          header, stream: UnsafeRawBufferPointer(name), payload: payload,
          units: UInt64(header.count))
      }
    }
  }
}
