import DequeModule
import Recurrence

/// The last inputs of a stream, for a swap that replays them: since START, RESET or `reset-every`.
struct RecentInputs {
  /// Values of a vector; 0 for token ids.
  private var width = 0
  /// Ids, or the bits of floats.
  private var words: Deque<UInt32> = []

  /// What those of a pipeline's streams are like.
  struct Form: Sendable {
    /// Inputs that each stream keeps; 0 for none.
    let limit: Int
    /// Values of a vector; 0 for token ids.
    let width: Int
    /// Token ids are below it.
    let tokens: Int
  }

  var isEmpty: Bool { words.isEmpty }
  var count: Int { words.count / max(1, width) }

  mutating func removeAll() { words.removeAll() }

  mutating func append(token: Int32, limit: Int) {
    if width > 0 { words.removeAll() }
    width = 0
    words.append(UInt32(bitPattern: token))
    if words.count > limit { words.removeFirst() }
  }

  mutating func append(vector: ArraySlice<Float>, limit: Int) {
    if width != vector.count { words.removeAll() }
    width = vector.count
    words.append(contentsOf: vector.lazy.map(\.bitPattern))
    if count > limit { words.removeFirst(words.count - limit * width) }
  }

  /// Puts them into a batch of one stream, at most as many as it has room for; `from` is the first.
  func append(from: Int, of state: StreamState, to batch: inout StepBatch) {
    for index in from..<min(count, from + batch.capacity) {
      if width == 0 {
        batch.append(state, token: Int32(bitPattern: words[index]))
      } else {
        let vector = words[index * width..<(index + 1) * width].map { Float(bitPattern: $0) }
        vector.withUnsafeBufferPointer { batch.append(state, vector: $0) }
      }
    }
  }

  // MARK: Stored

  /// The width and the words, 4 bytes each, little-endian; empty for none.
  func encoded() -> [UInt8] {
    guard !isEmpty else { return [] }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 + words.count * 4)
    for word in [UInt32(width)] + words {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  init() {}

  /// - Throws: `Damaged` for what no `encoded` wrote.
  init(decoding bytes: [UInt8]) throws(Damaged) {
    guard !bytes.isEmpty else { return }
    let words = bytes.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count - 3, by: 4).map {
        UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
      }
    }
    guard bytes.count.isMultiple(of: 4), let first = words.first, let width = Int(exactly: first),
      (words.count - 1).isMultiple(of: max(1, width))
    else { throw Damaged() }
    self.width = width
    self.words = Deque(words.dropFirst())
  }

  /// Of a stream from elsewhere, those that are kept here: the newest.
  ///
  /// - Throws: `Damaged` where no model of this form could take them.
  func kept(as form: Form) throws(Damaged) -> RecentInputs {
    guard !isEmpty else { return self }
    guard width == form.width,
      width > 0 || words.allSatisfy({ (0..<form.tokens).contains(Int(Int32(bitPattern: $0))) })
    else { throw Damaged() }
    var kept = self
    kept.words.removeFirst(max(0, count - form.limit) * max(1, width))
    return kept
  }

  struct Damaged: Error, CustomStringConvertible {
    var description: String { "the last inputs of a stream cannot be read" }
  }
}
