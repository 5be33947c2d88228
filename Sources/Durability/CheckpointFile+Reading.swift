import Wire

/// Reading a checkpoint file: all of it is checked before anything is made of it.
extension CheckpointFile {
  /// The file taken apart: its texts, and where its tensors stand.
  private struct Content {
    var metadata: [String: String] = [:]
    var entries: [String: TensorEntry] = [:]
    var data: ArraySlice<UInt8>

    func text(_ key: String) throws(Failure) -> String {
      guard let text = metadata[key] else { throw .damaged("it does not say its \(key)") }
      return text
    }

    func number<Number: FixedWidthInteger>(
      _ key: String, _: Number.Type = Number.self
    ) throws(Failure) -> Number {
      let text = try text(key)
      guard let number = Number(text) else { throw .damaged("its \(key) is \"\(text)\"") }
      return number
    }

    /// The floats of a tensor; none where there is no such tensor.
    func floats(_ name: String) throws(Failure) -> [Float] {
      guard let entry = entries[name] else { return [] }
      guard entry.type == .float32 else { throw .damaged("\(name) is no tensor of F32") }
      let start = data.startIndex + entry.bytes.lowerBound
      return data.withUnsafeBytes { raw in
        (0..<entry.count).map { index in
          let offset = start - data.startIndex + index * 4
          return Float(
            bitPattern: UInt32(
              littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }
      }
    }

    func bytes(_ name: String) throws(Failure) -> [UInt8] {
      guard let entry = entries[name] else { return [] }
      guard entry.type == .byte else { throw .damaged("\(name) is no tensor of U8") }
      let start = data.startIndex + entry.bytes.lowerBound
      return Array(data[start..<start + entry.bytes.count])
    }
  }

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - file: all of it.
  ///   - here: what it has to belong to.
  ///   - rows: those of a state here.
  /// - Throws: a `Failure`.
  package init(reading file: [UInt8], for here: Owner, rows: [Row]) throws(Failure) {
    let content = try CheckpointFile.content(of: file, tensorsMax: rows.count + 7)
    guard try content.text("format") == CheckpointFile.format else {
      throw .damaged("its format is another")
    }
    let version = try content.text("version")
    guard let number = Int(version), number > 0 else {
      throw .damaged("its version is \"\(version)\"")
    }
    guard number <= CheckpointFile.version else { throw .newer(version: version) }
    let fingerprint = CheckpointFile.fingerprint(
      content.metadata.map { ($0.key, $0.value) }, Array(content.entries.values), content.data)
    guard try content.text("fingerprint") == fingerprint else {
      throw .damaged("its content is not what was written")
    }
    let owner = Owner(
      model: try content.text("model"), precision: try content.text("precision"),
      tokenizer: try content.text("tokenizer"), kernels: try content.text("kernels"))
    try owner.check(against: here)
    self.init(
      stream: try content.text("stream"), owner: owner,
      snapshot: StreamSnapshot(
        standing: try CheckpointFile.standing(content),
        memory: try CheckpointFile.memory(content, rows)))
  }

  private static func standing(_ content: Content) throws(Failure) -> StreamStanding {
    StreamStanding(
      life: 0, epoch: try content.number("epoch"), expected: try content.number("input"),
      isClosed: false, firstInput: try content.number("first-input"),
      nextStep: try content.number("step"), messages: 0,
      pendingFlags: try content.number("pending"),
      sequenceStart: try content.number("first-step"), nextAnswer: try content.number("answer"),
      carry: try content.bytes("carry"), given: try content.floats("given"),
      values: try content.bytes("values"))
  }

  private static func memory(
    _ content: Content, _ rows: [Row]
  ) throws(Failure) -> StreamSnapshot.Memory? {
    guard content.metadata["worker-step"] != nil else { return nil }
    var state: [Float] = []
    for row in rows {
      let floats = try content.floats(row.name)
      guard floats.count == row.width else {
        throw .damaged("\(row.name) has \(floats.count) numbers, expected \(row.width)")
      }
      state += floats
    }
    var last: StreamCheckpoint.LastOutput?
    if content.metadata["last-number"] != nil {
      let id = try content.text("last-id")
      last = .init(
        number: try content.number("last-number"),
        id: id.isEmpty ? nil : try content.number("last-id"), row: try content.floats("last"))
      if let digits = content.metadata["last-model"] {
        guard let key = ModelKey.key(ofDigits: digits) else {
          throw .damaged("its last-model is \"\(digits)\"")
        }
        last?.model = key
      }
    }
    var checkpoint = StreamCheckpoint(
      life: 0, messages: 0, nextStep: try content.number("worker-step"),
      stepsSinceReset: try content.number("steps-since-reset"),
      stepsSinceAnswer: try content.number("steps-since-answer"), last: last, state: state)
    checkpoint.errors = try content.bytes("errors")
    checkpoint.recent = try content.bytes("recent")
    checkpoint.isRewarmed = content.metadata["rewarmed"] == "true"
    return StreamSnapshot.Memory(checkpoint: checkpoint, alarm: try content.bytes("alarm"))
  }

  // MARK: The header

  private static func content(
    of file: [UInt8], tensorsMax: Int
  ) throws(Failure) -> Content {
    guard file.count > 8 else { throw .damaged("it has \(file.count) bytes") }
    let length = file[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= headerBytesMax, length <= UInt64(file.count - 8), file[8] == 0x7b else {
      throw .damaged("its first bytes are those of no such file")
    }
    let start = 8 + Int(length)
    var content = Content(data: file[start...])
    do {
      try file[8..<start].withUnsafeBytes {
        try readHeader($0, into: &content, tensorsMax: tensorsMax)
      }
    } catch {
      throw .damaged("its header, \(error)")
    }
    try checkCover(content)
    return content
  }

  private static func readHeader(
    _ bytes: UnsafeRawBufferPointer, into content: inout Content, tensorsMax: Int
  ) throws {
    var reader = JSONReader(bytes, maximumDepth: 3)
    try reader.object { (key, reader) throws(JSONError) in
      if key == "__metadata__" {
        try reader.object { (key, reader) throws(JSONError) in
          // Whoever looks for keys that stand twice looks at all before.
          guard content.metadata.count < textsMax else { throw reader.error("too many texts") }
          content.metadata[key] = try reader.string()
        }
      } else {
        guard content.entries.count < tensorsMax else {
          throw reader.error("more than the \(tensorsMax) tensors that a stream has here")
        }
        content.entries[key] = try entry(named: key, from: &reader)
      }
    }
    try reader.finish()
  }

  private static func entry(
    named name: String, from reader: inout JSONReader
  ) throws(JSONError) -> TensorEntry {
    var type: TensorEntry.ElementType?
    var shape: [UInt64] = []
    var offsets: [UInt64] = []
    func numbers(_ reader: inout JSONReader) throws(JSONError) -> [UInt64] {
      var numbers: [UInt64] = []
      try reader.array { (reader) throws(JSONError) in
        numbers.append(try reader.unsignedInteger())
      }
      return numbers
    }
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "dtype": type = TensorEntry.ElementType(rawValue: try reader.string())
      case "shape": shape = try numbers(&reader)
      case "data_offsets": offsets = try numbers(&reader)
      default: throw reader.error("the key \(JSONText.quoted(key))")
      }
    }
    guard let type, shape.count == 1, offsets.count == 2, offsets[0] <= offsets[1] else {
      throw reader.error("\(JSONText.quoted(name)) is no tensor of F32 or U8 with one dimension")
    }
    // All are below 2^53: none of this overflows.
    guard (offsets[1] - offsets[0]) == shape[0].multipliedFullWidth(by: UInt64(type.byteCount)).low
    else { throw reader.error("\(JSONText.quoted(name)) has another size than its shape") }
    return TensorEntry(
      name: name, type: type, count: Int(shape[0]), bytes: Int(offsets[0])..<Int(offsets[1]))
  }

  /// Every byte of the data belongs to one tensor.
  private static func checkCover(_ content: Content) throws(Failure) {
    var end = 0
    let ordered = content.entries.values.sorted {
      ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound)
    }
    for entry in ordered {
      guard entry.bytes.lowerBound == end else {
        throw .damaged("\(entry.name) is not where the tensor before it ends")
      }
      end = entry.bytes.upperBound
    }
    guard end == content.data.count else {
      throw .damaged("it has \(content.data.count) bytes of data, expected \(end)")
    }
  }
}
