import Wire

/// A stream in a file: what `millrace streams export` writes and `import` reads.
///
/// A safetensors file: eight bytes with the length of a JSON header, the header, the data. What is no
/// tensor stands as text in its `__metadata__`, whose `fingerprint` covers all of it. `h` and `c` are
/// tensors of 32-bit floats, a row each (`state/0/lstm/h`), so that other tools can read them.
package struct CheckpointFile: Equatable, Sendable {
  /// Why a file is not taken.
  package enum Failure: Error, Equatable, CustomStringConvertible {
    /// It is no checkpoint, or not the whole of one.
    case damaged(String)
    /// It is of a later version.
    case newer(version: String)
    /// It is a stream of something else.
    case mismatch(what: String, file: String, here: String)

    package var description: String {
      switch self {
      case .damaged(let reason):
        "this is no whole checkpoint file: \(reason); export the stream again"
      case .newer(let version):
        "the checkpoint file has version \(version), expected \(CheckpointFile.version) or less; use "
          + "a newer millrace"
      case .mismatch(let what, let file, let here):
        "the checkpoint is of the \(what) \(file), but this pipeline has \(here)"
      }
    }
  }

  /// What a state belongs to; each has to be the same where it is read.
  package struct Owner: Equatable, Sendable {
    /// The hash of the model file, with its method in front.
    package var model: String
    package var precision: String
    /// The kind, and a fingerprint of what it is made of.
    package var tokenizer: String
    /// The kernels that computed the state: compared only where bits depend on them.
    package var kernels: String

    package init(model: String, precision: String, tokenizer: String, kernels: String) {
      self.model = model
      self.precision = precision
      self.tokenizer = tokenizer
      self.kernels = kernels
    }

    /// - Throws: `Failure.mismatch` naming both values.
    package func check(against other: Owner) throws(Failure) {
      // In f32 and int8 every path gives the same bits.
      let kernelsCount = precision == "bf16"
      for (what, mine, theirs) in [
        ("model", model, other.model), ("precision", precision, other.precision),
        ("tokenizer", tokenizer, other.tokenizer),
        ("kernels", kernelsCount ? kernels : "", kernelsCount ? other.kernels : ""),
      ] where mine != theirs {
        throw .mismatch(what: what, file: mine, here: theirs)
      }
    }
  }

  /// One row of a state: its name in the file, and how many floats it has.
  package struct Row: Equatable, Sendable, Codable {
    package var name: String
    package var width: Int

    package init(name: String, width: Int) {
      self.name = name
      self.width = width
    }
  }

  static let format = "millrace checkpoint"
  /// The highest: 2 has `last-model`, `recent` and `rewarmed`.
  ///
  /// Each file says the lowest that has all of it, so that daemons of before read what they can.
  static let version = 2
  /// The header of a file is shorter.
  static let headerBytesMax = 1 << 20

  /// A file has fewer texts.
  static let textsMax = 64

  package var stream: String
  package var owner: Owner
  package var snapshot: StreamSnapshot

  package init(stream: String, owner: Owner, snapshot: StreamSnapshot) {
    self.stream = stream
    self.owner = owner
    self.snapshot = snapshot
  }

  // MARK: Writing

  /// The file.
  ///
  /// `rows` are those of the state, in order; they have as many floats as it.
  package func bytes(rows: [Row]) -> [UInt8] {
    var tensors = TensorWriter()
    let standing = snapshot.standing
    let memory = snapshot.memory
    if let checkpoint = memory?.checkpoint {
      var taken = 0
      for row in rows {
        tensors.put(row.name, Array(checkpoint.state[taken..<taken + row.width]))
        taken += row.width
      }
      if let last = checkpoint.last { tensors.put("last", last.row) }
    }
    if !standing.given.isEmpty { tensors.put("given", standing.given) }
    // Bytes behind the floats, which so stand at multiples of 4.
    for (name, bytes) in [
      ("carry", standing.carry), ("values", standing.values),
      ("errors", memory?.checkpoint.errors ?? []), ("alarm", memory?.alarm ?? []),
      ("recent", memory?.checkpoint.recent ?? []),
    ] where !bytes.isEmpty {
      tensors.put(name, bytes)
    }
    var metadata = self.metadata
    metadata.append(
      ("fingerprint", CheckpointFile.fingerprint(metadata, tensors.entries, tensors.data[...])))
    let texts = metadata.map { "\(JSONText.quoted($0)):\(JSONText.quoted($1))" }
    let members =
      ["\"__metadata__\":{\(texts.joined(separator: ","))}"] + tensors.entries.map(\.json)
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    // The data begins at a multiple of 8, as the format asks for.
    header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
    var file = ByteWriter()
    file.put(UInt64(header.count))
    return file.bytes + header + tensors.data
  }

  /// What is no tensor, in order.
  private var metadata: [(String, String)] {
    let standing = snapshot.standing
    var metadata = [
      ("format", CheckpointFile.format), ("version", "\(isOfSwaps ? 2 : 1)"),
      ("stream", stream), ("model", owner.model), ("precision", owner.precision),
      ("kernels", owner.kernels), ("tokenizer", owner.tokenizer), ("epoch", "\(standing.epoch)"),
      ("input", "\(standing.expected)"), ("step", "\(standing.nextStep)"),
      ("answer", "\(standing.nextAnswer)"), ("first-input", "\(standing.firstInput)"),
      ("first-step", "\(standing.sequenceStart)"), ("pending", "\(standing.pendingFlags)"),
    ]
    guard let checkpoint = snapshot.memory?.checkpoint else { return metadata }
    metadata += [
      ("worker-step", "\(checkpoint.nextStep)"),
      ("steps-since-reset", "\(checkpoint.stepsSinceReset)"),
      ("steps-since-answer", "\(checkpoint.stepsSinceAnswer)"),
    ]
    if let last = checkpoint.last {
      metadata += [("last-number", "\(last.number)"), ("last-id", last.id.map { "\($0)" } ?? "")]
      if last.model > 0 { metadata.append(("last-model", ModelKey.text(of: last.model))) }
    }
    if checkpoint.isRewarmed { metadata.append(("rewarmed", "true")) }
    return metadata
  }

  /// Whether it has what only matters where models are swapped.
  private var isOfSwaps: Bool {
    guard let checkpoint = snapshot.memory?.checkpoint else { return false }
    return !checkpoint.recent.isEmpty || checkpoint.isRewarmed || checkpoint.last?.model ?? 0 > 0
  }

  /// Over all that the file says, so that no changed bit goes unseen.
  static func fingerprint(
    _ metadata: [(String, String)], _ entries: [TensorEntry], _ data: ArraySlice<UInt8>
  ) -> String {
    var text: [UInt8] = []
    for (key, value) in metadata.sorted(by: { $0.0 < $1.0 }) where key != "fingerprint" {
      text += Array("\(key)=\(value)\n".utf8)
    }
    for entry in entries.sorted(by: { $0.name < $1.name }) {
      text += Array("\(entry.json)\n".utf8)
    }
    return StateStore.fingerprint(text + data)
  }
}

/// Where a tensor stands in the data of a file.
struct TensorEntry: Equatable {
  enum ElementType: String {
    case float32 = "F32"
    case byte = "U8"

    var byteCount: Int { self == .float32 ? 4 : 1 }
  }

  var name: String
  var type: ElementType
  /// All tensors have one dimension.
  var count: Int
  var bytes: Range<Int>

  var json: String {
    "\(JSONText.quoted(name)):{\"dtype\":\"\(type.rawValue)\",\"shape\":[\(count)],"
      + "\"data_offsets\":[\(bytes.lowerBound),\(bytes.upperBound)]}"
  }
}

/// Tensors one after the other.
private struct TensorWriter {
  var entries: [TensorEntry] = []
  var data: [UInt8] = []

  mutating func put(_ name: String, _ floats: [Float]) {
    let start = data.count
    for value in floats {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    entries.append(
      TensorEntry(name: name, type: .float32, count: floats.count, bytes: start..<data.count))
  }

  mutating func put(_ name: String, _ bytes: [UInt8]) {
    let start = data.count
    data += bytes
    entries.append(
      TensorEntry(name: name, type: .byte, count: bytes.count, bytes: start..<data.count))
  }
}
