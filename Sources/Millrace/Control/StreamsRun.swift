import Wire
import ZeroMQ

/// `millrace streams`: asks a running daemon about its streams.
package struct StreamsRun: Sendable {
  /// A checkpoint file is shorter.
  package static let fileBytesMax = Limits.controlMessageBytes

  let endpoint: String
  private let keys: CurveClientKeys?
  /// Whether people read it.
  private let isTable: Bool
  private let output: @Sendable ([UInt8]) throws -> Void

  /// - Parameters:
  ///   - endpoint: the daemon's control socket.
  ///   - keys: where it is encrypted.
  ///   - isTable: for people, or JSON, an object a line.
  ///   - output: gets what is to be printed.
  package init(
    endpoint: String, keys: CurveClientKeys?, isTable: Bool,
    output: @escaping @Sendable ([UInt8]) throws -> Void
  ) {
    self.endpoint = endpoint
    self.keys = keys
    self.isTable = isTable
    self.output = output
  }

  /// All streams: a line each as they come, or a table sorted by name.
  package func list() async throws {
    try await asking { client in
      var rows: [[String]] = []
      try client.ask(.streamsList) { answer in
        for stream in try answer.objects("streams") {
          guard isTable else {
            try output(stream.line)
            continue
          }
          rows.append(StreamsRun.columns.map { stream.text($0) ?? "" })
        }
      }
      guard isTable else { return }
      rows.sort { $0[0] < $1[0] }
      try output(Array(StreamsRun.table(rows).utf8))
    }
  }

  /// Where one stream stands.
  package func show(_ stream: StreamID) async throws {
    try await ask(.streamsShow, StreamsRun.naming(stream))
  }

  /// Its newest answer, and its state where that is wanted.
  package func peek(_ stream: StreamID, withState: Bool) async throws {
    var fields = StreamsRun.naming(stream)
    if withState { fields.put("state", true) }
    try await ask(.streamsPeek, fields)
  }

  package func reset(_ stream: StreamID) async throws {
    try await ask(.streamsReset, StreamsRun.naming(stream))
  }

  package func park(_ stream: StreamID) async throws {
    try await ask(.streamsPark, StreamsRun.naming(stream))
  }

  /// Goes back to a checkpoint at or before a number, or to the one before.
  package func rewind(_ stream: StreamID, to number: UInt64?) async throws {
    var fields = StreamsRun.naming(stream)
    if let number { fields.put("to", number) }
    try await ask(.streamsRewind, fields)
  }

  /// A second stream that goes on from where the first one stands.
  package func fork(_ stream: StreamID, as copy: StreamID, replaces: Bool) async throws {
    var fields = StreamsRun.naming(stream)
    fields.put("as", copy.name)
    if replaces { fields.put("replace", true) }
    try await ask(.streamsFork, fields)
  }

  /// The bytes of a checkpoint file.
  package func export(_ stream: StreamID) async throws -> [UInt8] {
    try await asking { try $0.ask(.streamsExport, StreamsRun.naming(stream)).attachment }
  }

  /// Begins a stream from a checkpoint file, under its own name or another.
  package func `import`(_ file: [UInt8], as stream: StreamID?, replaces: Bool) async throws {
    guard file.count <= Limits.controlMessageBytes else {
      throw ControlAnswer.Refused(
        code: "too-large",
        message: "the checkpoint file has \(file.count) bytes, expected at most "
          + "\(Limits.controlMessageBytes)")
    }
    var fields = ControlFields()
    if let stream { fields.put("as", stream.name) }
    if replaces { fields.put("replace", true) }
    try await ask(.streamsImport, fields, attachment: file)
  }

  private static func naming(_ stream: StreamID) -> ControlFields {
    var fields = ControlFields()
    fields.put("stream", stream.name)
    return fields
  }

  // MARK: Asking

  /// Asks for something with one reply, and prints it.
  @discardableResult
  func ask(
    _ verb: ControlVerb, _ fields: ControlFields, attachment: [UInt8]? = nil
  ) async throws -> ControlAnswer {
    try await asking {
      let answer = try $0.ask(verb, fields, attachment: attachment)
      try tell(answer)
      return answer
    }
  }

  func tell(_ answer: ControlAnswer) throws {
    guard isTable else { return try output(answer.line) }
    let width = answer.members.map(\.key.count).max() ?? 0
    let lines = answer.members.map { member in
      DisplayWidth.fit(member.key, width + 2) + ControlAnswer.shown(member.json) + "\n"
    }
    try output(Array(lines.joined().utf8))
  }

  /// libzmq's calls wait: on a thread of their own.
  func asking<Value: Sendable>(
    _ body: @escaping @Sendable (ControlClient) throws -> Value
  ) async throws -> Value {
    let (endpoint, keys) = (endpoint, keys)
    return try await onThread(named: "control") {
      try body(ControlClient(context: try Context(), endpoint: endpoint, keys: keys))
    }
  }

  // MARK: For people

  private static let columns = [
    "stream", "phase", "expected", "steps", "answers", "under_way", "worker", "idle_ms",
  ]

  /// Columns as wide as what stands in them; all but the first two are numbers.
  private static func table(_ rows: [[String]]) -> String {
    let titles = columns.map { $0.replacing("_", with: " ").uppercased() }
    let lines = [titles] + rows
    let widths = titles.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      line.enumerated().map { column, text in
        DisplayWidth.fit(text, widths[column], column < 2 ? .left : .right)
      }.joined(separator: "  ") + "\n"
    }.joined()
  }
}
