import Durability
import Foundation
import Glibc
import Wire

@testable import Millrace
@testable import Tokenization

/// What clients and files give the daemon, as a fuzzer drives it: bytes in, and nothing but a value
/// or a refusal of one line may come out.
///
/// The tests replay the inputs that are kept in Fixtures/fuzz; `make fuzz` looks for more.
enum FuzzedInput: String, CaseIterable {
  /// A binary header, and the payload that it asks for.
  case header
  /// A JSON header.
  case friendly
  /// All parts of a message, each behind its length.
  case message
  /// Payloads of hello, welcome, credit and refusals.
  case control
  /// A request to the control socket, and its reply as a client reads it.
  case request
  /// A pipeline file.
  case pipeline
  /// The cases beside a pipeline.
  case cases
  /// Tokens or labels, one a line.
  case vocabulary
  /// A tokenizer.json.
  case tokenizer
  /// Standard input of `millrace pipe`: a byte for its options, then JSON lines, text or CSV.
  case lines
  /// A recording of JSON lines, and lines to compare with.
  case recording
  /// A recording of the compact form, whose checksums are put right first.
  case compact
  /// What a tokenizer has begun and not completed, then text that goes on with it.
  case carry
  /// Records of the store.
  case records
  /// A checkpoint file, also with its length and its fingerprint put right.
  case checkpoint

  /// Reads `bytes`.
  ///
  /// - Returns: a line that says what became of them.
  func read(_ bytes: [UInt8]) -> String {
    do {
      let outcome = try outcome(of: bytes)
      precondition(!outcome.contains("\n"), "not one line: \(outcome)")
      return outcome
    } catch {
      let text = "\(error)"
      precondition(!text.contains("\n"), "not one line: \(text)")
      return text
    }
  }

  private func outcome(of bytes: [UInt8]) throws -> String {
    switch self {
    case .header: try Self.header(bytes)
    case .friendly: try Self.friendly(bytes)
    case .message: try Self.message(bytes)
    case .control: Self.control(bytes)
    case .request: Self.request(bytes)
    case .pipeline: try Self.pipeline(bytes)
    case .cases: try Self.cases(bytes)
    case .vocabulary: try Self.vocabulary(bytes)
    case .tokenizer: try Self.tokenizer(bytes)
    case .lines: try Self.lines(bytes)
    case .recording: try Self.recording(bytes)
    case .compact: try Self.recording(Self.repaired(bytes))
    case .carry: try Self.carry(bytes)
    case .records: Self.records(bytes)
    case .checkpoint: Self.checkpointFile(bytes)
    }
  }

  // MARK: Messages

  private static func header(_ bytes: [UInt8]) throws -> String {
    let header = try bytes.withUnsafeBytes { bytes throws(WireError) in try Header(bytes: bytes) }
    precondition(header.bytes == bytes, "written otherwise than read: \(header)")
    guard let count = header.payloadByteCount, count <= 1 << 16 else { return "a large message" }
    return try message(parts: [Array("a".utf8), bytes, [UInt8](repeating: 0x61, count: count)])
  }

  private static func friendly(_ bytes: [UInt8]) throws -> String {
    func decode(_ bytes: [UInt8]) throws -> Header {
      try bytes.withUnsafeBytes { try FriendlyHeader.decode($0, payloadByteCount: 12) }
    }
    let header = try decode(bytes)
    let again = try decode(FriendlyHeader.encode(header))
    precondition(again == header, "\(again) was written as \(header)")
    return "\(header.kind.name) \(header.number)"
  }

  /// Takes the parts apart: two bytes for the length of each, little-endian.
  private static func message(_ bytes: [UInt8]) throws -> String {
    var parts: [[UInt8]] = []
    var rest = bytes[...]
    while rest.count >= 2 {
      let count = Int(rest[rest.startIndex]) | Int(rest[rest.startIndex + 1]) << 8
      rest = rest.dropFirst(2)
      parts.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return try message(parts: parts)
  }

  private static func message(parts: [[UInt8]]) throws -> String {
    // In one piece, as each part must stay where it is.
    let whole = parts.flatMap { $0 }
    return try whole.withUnsafeBytes { whole in
      var start = 0
      let places = parts.map { part in
        defer { start += part.count }
        return UnsafeRawBufferPointer(rebasing: whole[start..<start + part.count])
      }
      let message = try InboundMessage(
        partCount: parts.count, byteCountMax: Limits.messageBytes, part: { places[$0] })
      precondition(message.header.payloadByteCount == message.payload.count)
      return "\(message.header.kind.name) of \(message.stream?.name ?? "nobody")"
    }
  }

  /// What is read is written to the same value.
  private static func control(_ bytes: [UInt8]) -> String {
    var outcomes: [String] = []
    func take<Payload: Equatable>(
      _ name: String, _ read: (UnsafeRawBufferPointer) throws -> Payload,
      _ write: (Payload) -> [UInt8]
    ) {
      do {
        let payload = try bytes.withUnsafeBytes(read)
        let again = try write(payload).withUnsafeBytes(read)
        precondition(again == payload, "\(name): \(payload) was written as \(again)")
        outcomes.append(name)
      } catch {
        outcomes.append("\(error)")
      }
    }
    take("hello", { try Hello(payload: $0) }, \.bytes)
    take("welcome", { try Welcome(payload: $0) }, \.bytes)
    take("credit", { try Credit(payload: $0) }, \.bytes)
    take("refusal", { try Refusal(payload: $0) }, \.bytes)
    return outcomes.joined(separator: "; ")
  }

  private static func request(_ bytes: [UInt8]) -> String {
    var outcomes: [String] = []
    var id: String?
    do {
      let request = try bytes.withUnsafeBytes { bytes throws(ControlRefusal) in
        try ControlRequest(bytes, attachment: [], id: &id)
      }
      outcomes.append(request.verb.rawValue)
      for key in ["limit", "stream", "to"] {
        outcomes.append("\(Result { try request.number(key) })")
        outcomes.append("\(Result { try request.text(key) })")
        outcomes.append("\(Result { try request.flag(key) })")
      }
      outcomes.append(try request.stream().name)
    } catch {
      outcomes.append("\(error)")
    }
    do {
      let answer = try bytes.withUnsafeBytes { try ControlAnswer($0, attachment: []) }
      outcomes.append("a line of \(answer.line.count) bytes")
    } catch let refused as ControlAnswer.Refused {
      // The daemon's own words.
      outcomes.append(JSONText.quoted(refused.message))
    } catch {
      outcomes.append("\(error)")
    }
    return outcomes.joined(separator: "; ") + (id ?? "")
  }

  // MARK: Files

  private static func pipeline(_ bytes: [UInt8]) throws -> String {
    try withFile(bytes) { path in
      let file = try PipelineFile(readingFrom: path)
      return "\(file.name) with \(file.bindings.count) endpoints"
    }
  }

  private static func cases(_ bytes: [UInt8]) throws -> String {
    try withFile(bytes) { "\(try TestFile(readingFrom: $0).cases.count) cases" }
  }

  private static func vocabulary(_ bytes: [UInt8]) throws -> String {
    let firstID = Int32(truncatingIfNeeded: bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) })
    let vocabulary = try Vocabulary(text: bytes.dropFirst(4), firstID: firstID)
    for id in [firstID, vocabulary.idBound - 1] {
      guard let token = vocabulary.token(of: id), vocabulary.id(of: token) == id else {
        preconditionFailure("id \(id) is no token of \(vocabulary.count)")
      }
    }
    precondition(vocabulary.token(of: vocabulary.idBound) == nil)
    return "\(vocabulary.count) tokens"
  }

  private static func tokenizer(_ bytes: [UInt8]) throws -> String {
    let rule = try HuggingFaceTokenizer(json: bytes)
    let tokenizer = TextTokenizer(
      vocabulary: rule.vocabulary, kind: .segments(rule), unknown: .asTrained, startToken: nil,
      replacesInvalid: true)
    let text = "A b1, c's \u{1100}\u{1161}\u{301}\n\tIt's  [CLS] <s>2345 \u{1F600}!?"
    let run = tokens(of: Array(text.utf8), tokenizer, TokenizerCarry())
    return "\(rule.vocabulary.count) tokens, \(run.ids.count) steps"
  }

  private static func lines(_ bytes: [UInt8]) throws -> String {
    let choice = bytes.first ?? 0
    var options = TextInput.Options(stream: StreamID(literal: "stdin"))
    options.isTextOnly = choice & 1 != 0
    options.keepsNewlines = choice & 2 != 0
    options.isCSV = choice & 4 != 0
    options.takesText = choice & 8 == 0
    return try withFile(Array(bytes.dropFirst())) { path in
      let descriptor = open(path, O_RDONLY)
      precondition(descriptor >= 0)
      defer { close(descriptor) }
      var faults: [String] = []
      var input = TextInput(descriptor: descriptor, options: options) { line, message in
        faults.append("\(line): \(message)")
      }
      var count = 0
      while let lines = try input.next() { count += lines.reduce(0) { $0 + $1.units } }
      return "\(count) units; \(faults.joined(separator: "; "))"
    }
  }

  private static func recording(_ bytes: [UInt8]) throws -> String {
    try withFile(bytes) { path in
      let format = AnswerFormat(labels: ["a", "b"], top: 3, showsValues: true, tokenText: nil)
      var outcomes: [String] = []
      do {
        outcomes.append("\(try RecordingFile.answers(of: path, format: format).count) streams")
      } catch {
        outcomes.append("\(error)")
      }
      outcomes.append("\(try RecordingFile.inputs(of: path).count) lines")
      return outcomes.joined(separator: "; ")
    }
  }

  /// Puts each block's checksum right, as far as the blocks go.
  private static func repaired(_ bytes: [UInt8]) -> [UInt8] {
    let magic = CompactRecording.magic
    var bytes = magic + bytes.dropFirst(bytes.starts(with: magic) ? magic.count : 0)
    var position = magic.count
    while bytes.count - position >= 8 {
      let count = bytes[position..<position + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
      guard count <= bytes.count - position - 8 else { break }
      let sum = CRC32.sum(of: bytes[position + 8..<position + 8 + count])
      withUnsafeBytes(of: sum.littleEndian) {
        bytes.replaceSubrange(position + 4..<position + 8, with: $0)
      }
      position += 8 + count
    }
    return bytes
  }

  // MARK: State

  static let tokenizers: [TextTokenizer] = {
    do {
      let letters = try Vocabulary(tokens: ["a", "b", "\u{AC00}"], firstID: 1)
      let kinds: [TextTokenizer.Kind] = [
        .bytes, .characters(.hangul), .characters(.nfc), .characters(.none),
        .words(
          lowercase: true, filters: TextTokenizer.kerasFilters, removed: [], split: .whitespace),
      ]
      return kinds.map {
        TextTokenizer(
          vocabulary: letters, kind: $0, unknown: .id(0), startToken: 0, replacesInvalid: true)
      }
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  private static func tokens(
    of text: [UInt8], _ tokenizer: TextTokenizer, _ carry: TokenizerCarry
  ) -> TokenRun {
    var carry = carry
    var run = TokenRun()
    if !carry.hasBegun { tokenizer.begin(carry: &carry, into: &run) }
    text.withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
    tokenizer.flush(carry: &carry, into: &run)
    return run
  }

  /// A byte for the length of the carry, the carry, then text.
  private static func carry(_ bytes: [UInt8]) throws -> String {
    let encoded = Array(bytes.dropFirst().prefix(Int(bytes.first ?? 0)))
    let text = Array(bytes.dropFirst(1 + encoded.count))
    var outcomes: [String] = []
    do {
      outcomes.append(try values(encoded, text))
    } catch {
      outcomes.append("\(error)")
    }
    let carry = try TokenizerCarry(decoding: encoded)
    precondition(carry.encoded() == encoded, "written otherwise than read: \(carry)")
    for tokenizer in tokenizers where tokenizer.fits(carry) {
      outcomes.append("\(tokens(of: text, tokenizer, carry).ids.count) steps")
    }
    return outcomes.joined(separator: "; ")
  }

  /// A time and a value a row, on a grid, with what came before.
  static let features: ValueFeatures = {
    do {
      return try ValueFeatures(
        outputWidth: 4, missing: .previous, lags: [1, 2], differences: [1], beginning: .repeated,
        resampling: .init(column: 0, every: 1, method: .linear, gap: 100))
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  private static func values(_ encoded: [UInt8], _ rows: [UInt8]) throws -> String {
    var carry = try ValueCarry(decoding: encoded)
    precondition(carry.encoded() == encoded, "written otherwise than read: \(carry)")
    guard features.fits(carry) else { return "values of other features" }
    let numbers = rows.withUnsafeBytes { rows in
      (0..<rows.count / 8 * 2).map { rows.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }
    var steps: [Float] = []
    var ends: [Int] = []
    try features.feed(numbers, carry: &carry, into: &steps, ends: &ends)
    return "\(ends.count) steps of \(numbers.count / 2) rows"
  }

  private static func records(_ bytes: [UInt8]) -> String {
    let readers: [(String, ([UInt8]) throws -> Int)] = [
      ("inputs", { try InputRecord.records(of: $0).count }),
      ("checkpoint", { try StreamCheckpoint(bytes: $0).state.count }),
      ("standing", { try StreamStanding(bytes: $0).carry.count }),
      ("written", { try WrittenAnswers(bytes: $0).alarm.count }),
      ("left", { try LeftAnswers(bytes: $0).answers.count }),
    ]
    return readers.map { name, read in
      do { return "\(name) \(try read(bytes))" } catch { return "\(name): \(error)" }
    }.joined(separator: "; ")
  }

  /// A file that goes away when it is closed.
  private static func withFile<Result>(
    _ bytes: [UInt8], _ body: (String) throws -> Result
  ) throws -> Result {
    var template = Array("/tmp/fuzz.XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    precondition(descriptor >= 0 && unlink(template) == 0)
    defer { close(descriptor) }
    precondition(write(descriptor, bytes, bytes.count) == bytes.count)
    return try body("/proc/self/fd/\(descriptor)")
  }
}
