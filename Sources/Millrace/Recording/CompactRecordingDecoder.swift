import Wire

/// Reads the compact form back, entry by entry; never beyond a block's end.
struct CompactRecordingDecoder {
  private struct Fault: Error {
    let message: String

    init(_ message: String) { self.message = message }
  }

  private let path: String
  private let bytes: [UInt8]
  private var position: Int
  private var blockEnd = 0
  private var blockStart = 0
  private var blockCount = 0
  private var streams: [StreamID] = []
  private var microseconds: UInt64 = 0

  /// - Throws: a `BadLine` when the file does not begin as one.
  init(_ bytes: [UInt8], path: String) throws(BadLine) {
    guard bytes.starts(with: CompactRecording.magic) else {
      throw BadLine(path, "begins like no recording of the compact form")
    }
    self.bytes = bytes
    self.path = path
    position = CompactRecording.magic.count
    blockEnd = position
  }

  /// The next entry; nil at the end of the file.
  ///
  /// - Throws: a `BadLine` that names the block and its first byte.
  mutating func next() throws(BadLine) -> StreamRecorder.Entry? {
    do {
      while true {
        if position == blockEnd {
          guard position < bytes.count else { return nil }
          try openBlock()
        }
        if let entry = try entry() { return entry }
      }
    } catch let fault as Fault {
      throw BadLine(path, "block \(blockCount) at byte \(blockStart): \(fault.message)")
    } catch {
      throw BadLine(path, "\(error)")
    }
  }

  private mutating func openBlock() throws {
    blockCount += 1
    blockStart = position
    guard bytes.count - position >= 8 else {
      throw Fault("\(bytes.count - position) bytes of 8 are there; the file is cut off")
    }
    let count = Int(fixed())
    let sum = fixed()
    guard (1...CompactRecording.blockBytesMax).contains(count) else {
      throw Fault("\(count) bytes, expected 1 to \(CompactRecording.blockBytesMax)")
    }
    guard count <= bytes.count - position else {
      throw Fault("\(bytes.count - position) of its \(count) bytes are there; the file is cut off")
    }
    blockEnd = position + count
    guard CRC32.sum(of: bytes[position..<blockEnd]) == sum else {
      throw Fault("its checksum does not fit; the file is damaged")
    }
  }

  /// One entry; nil for one that only names a stream.
  private mutating func entry() throws -> StreamRecorder.Entry? {
    let kind = try byte()
    switch CompactRecording.Kind(rawValue: kind) {
    case .stream:
      let name = try take(try number(below: StreamID.maximumBytes + 1, "a name's length"))
      guard let stream = name.withUnsafeBytes({ StreamID(bytes: $0) }) else {
        throw Fault("a stream's name that is none")
      }
      streams.append(stream)
      return nil
    case .input: return .input(try input())
    case .answers:
      let stream = try stream()
      return .answers(stream, try answers())
    case nil: throw Fault("an entry of kind \(kind), expected 1 to 3")
    }
  }

  private mutating func stream() throws -> StreamID {
    streams[try number(below: streams.count, "a stream's index")]
  }

  private mutating func input() throws -> InputLine {
    var line = InputLine(stream: try stream())
    let flags = try byte()
    guard flags & ~(1 | 2 | 4 | 32 | 64) == 0 else { throw Fault("unknown flags \(flags)") }
    line.start = flags & CompactRecording.Flag.start != 0
    line.end = flags & CompactRecording.Flag.end != 0
    line.reset = flags & CompactRecording.Flag.reset != 0
    line.isOpenMark = flags & CompactRecording.Flag.open != 0
    let since = UInt64(try number(below: 1 << 50, "a time"))
    // Thirty-five years, as much as the other form takes.
    guard microseconds + since < 1 << 50 else { throw Fault("times that add up beyond 2^50") }
    microseconds += since
    line.microseconds = microseconds
    if flags & CompactRecording.Flag.hasNumber != 0 {
      line.number = UInt64(try number(below: 1 << 53, "a number"))
    }
    let type = try byte()
    let count = try number(below: 1 << 32, "a count")
    let width = try number(below: 1 << 32, "a width")
    switch ElementType(rawValue: type) {
    case .some(.none) where count == 0: break
    case .text: line.payload = .text(Array(try take(count)))
    case .int32: line.payload = .tokens(try values(count, 1))
    case .float32: line.payload = .values(try values(count, width), width: width)
    default: throw Fault("input of dtype \(type), expected 0 to 3")
    }
    return line
  }

  private mutating func answers() throws -> AnswerMessage {
    var header = Header(kind: .answer)
    header.elementType = .float32
    let flags = try byte()
    guard flags & ~(CompactRecording.Flag.last | CompactRecording.Flag.hasIDs) == 0 else {
      throw Fault("unknown flags \(flags)")
    }
    if flags & CompactRecording.Flag.last != 0 { header.flags = .last }
    header.number = UInt64(try number(below: 1 << 53, "a number"))
    let count = try number(below: 1 << 32, "a count")
    let width = try number(below: 1 << 32, "a width")
    header.count = UInt32(count)
    header.width = UInt32(width)
    let rows: [Float] = try values(count, width)
    let ids: [Int32] = flags & CompactRecording.Flag.hasIDs != 0 ? try values(count, 1) : []
    return rows.withUnsafeBytes { rows in
      ids.withUnsafeBytes { AnswerMessage(header, payload: rows, ids: $0) }
    }
  }

  // MARK: Fields

  private mutating func byte() throws -> UInt8 {
    guard position < blockEnd else { throw Fault("an entry goes beyond its end") }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count <= blockEnd - position else { throw Fault("an entry goes beyond its end") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  private mutating func fixed() -> UInt32 {
    defer { position += 4 }
    return bytes[position..<position + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  private mutating func number(below bound: Int, _ what: String) throws -> Int {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 63, by: 7) {
      let byte = try byte()
      value |= UInt64(byte & 0x7F) << shift
      guard byte & 0x80 != 0 else {
        guard value < UInt64(bound) else {
          throw Fault("\(what) is \(value), expected below \(bound)")
        }
        return Int(value)
      }
    }
    throw Fault("\(what) of more than nine bytes")
  }

  private mutating func values<Value: BitwiseCopyable>(
    _ count: Int, _ width: Int
  ) throws -> [Value] {
    let size = count.multipliedReportingOverflow(by: width)
    guard !size.overflow, size.partialValue <= (blockEnd - position) / 4 else {
      throw Fault("an entry goes beyond its end")
    }
    return try take(size.partialValue * 4).withUnsafeBytes { [Value](copying: $0) }
  }
}
