import Wire

/// The compact form of a recording: a magic, then blocks of entries, each with its checksum.
///
/// `Docs/recordings.md` has every field. All numbers are little-endian; a varint has seven bits a
/// byte, the lowest first.
enum CompactRecording {
  static let magic: [UInt8] = Array("MRREC1\r\n".utf8)
  /// A block is closed when it has so many bytes; one entry may make it longer.
  static let blockBytes = 64 * 1024
  /// No entry makes a block longer than this: a message has at most 1 MiB.
  static let blockBytesMax = 16 << 20

  /// The first byte of an entry.
  enum Kind: UInt8 {
    /// The next stream's name.
    case stream = 1
    case input = 2
    case answers = 3
  }

  /// Bits of an entry's second field.
  enum Flag {
    static let start: UInt8 = 1
    static let end: UInt8 = 2
    static let reset: UInt8 = 4
    static let last: UInt8 = 8
    static let hasIDs: UInt8 = 16
    static let open: UInt8 = 32
    static let hasNumber: UInt8 = 64
  }
}

/// Puts entries into blocks.
struct CompactRecordingEncoder {
  private var streams: [StreamID: Int] = [:]
  private var block: [UInt8] = []
  private var microseconds: UInt64 = 0

  var isBlockFull: Bool { block.count >= CompactRecording.blockBytes }

  /// Takes the entries since the last block, as a block; empty when there are none.
  mutating func takeBlock() -> [UInt8] {
    guard !block.isEmpty else { return [] }
    var bytes: [UInt8] = []
    withUnsafeBytes(of: UInt32(block.count).littleEndian) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: CRC32.sum(of: block).littleEndian) { bytes.append(contentsOf: $0) }
    bytes += block
    block.removeAll(keepingCapacity: true)
    return bytes
  }

  mutating func append(_ line: InputLine) {
    let index = index(of: line.stream)
    block.append(CompactRecording.Kind.input.rawValue)
    put(UInt64(index))
    var flags: UInt8 = 0
    if line.start { flags |= CompactRecording.Flag.start }
    if line.end { flags |= CompactRecording.Flag.end }
    if line.reset { flags |= CompactRecording.Flag.reset }
    if line.isOpenMark { flags |= CompactRecording.Flag.open }
    if line.number != nil { flags |= CompactRecording.Flag.hasNumber }
    block.append(flags)
    let now = max(microseconds, line.microseconds ?? microseconds)
    put(now - microseconds)
    microseconds = now
    if let number = line.number { put(number) }
    switch line.payload {
    case .none: putShape(.none, count: 0, width: 0)
    case .text(let bytes):
      putShape(.text, count: bytes.count, width: 1)
      block += bytes
    case .tokens(let ids):
      putShape(.int32, count: ids.count, width: 1)
      ids.withUnsafeBytes { block += $0 }
    case .values(let values, let width):
      putShape(.float32, count: line.units, width: width)
      values.withUnsafeBytes { block += $0 }
    }
  }

  mutating func append(_ answers: AnswerMessage, of stream: StreamID) {
    let index = index(of: stream)
    block.append(CompactRecording.Kind.answers.rawValue)
    put(UInt64(index))
    var flags: UInt8 = answers.isLast ? CompactRecording.Flag.last : 0
    if answers.token(of: 0) != nil { flags |= CompactRecording.Flag.hasIDs }
    block.append(flags)
    put(answers.number(of: 0))
    put(UInt64(answers.count))
    put(UInt64(answers.width))
    for row in 0..<answers.count {
      answers.withRow(row) {
        UnsafeRawBufferPointer($0).withMemoryRebound(to: UInt8.self) { block += $0 }
      }
    }
    for row in 0..<answers.count {
      guard let id = answers.token(of: row) else { break }
      withUnsafeBytes(of: id.littleEndian) { block.append(contentsOf: $0) }
    }
  }

  private mutating func index(of stream: StreamID) -> Int {
    if let index = streams[stream] { return index }
    streams[stream] = streams.count
    block.append(CompactRecording.Kind.stream.rawValue)
    put(UInt64(stream.name.utf8.count))
    block += Array(stream.name.utf8)
    return streams.count - 1
  }

  private mutating func putShape(_ type: ElementType, count: Int, width: Int) {
    block.append(type.rawValue)
    put(UInt64(count))
    put(UInt64(width))
  }

  private mutating func put(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      block.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    block.append(UInt8(rest))
  }
}
