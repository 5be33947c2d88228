import Wire

/// What was applied and answered lately, over all streams: for duplicates, and for clients that
/// come back and want answers again.
///
/// One ring for the whole daemon, so that an idle stream keeps nothing; the oldest entry goes when
/// the bound is reached.
final class AnswerCache {
  struct Answer {
    var header: Header
    var payload: [UInt8]
    var ids: [UInt8]
    var note: [UInt8]
    /// For rows of text, where each step's input ended; empty where each step is one number.
    var inputs: [UInt64]
    /// The first input number that no answer before it used.
    var firstInput: UInt64

    /// The first input number not used by the step of one of `count` rows.
    func input(of row: Int, of count: Int) -> UInt64 {
      if inputs.count == count { return inputs[row] }
      // A step of values or ids is one number; the rows of a one-to-many model used all input.
      return header.end == header.input ? header.number + UInt64(row) + 1 : header.input
    }

    /// Takes the rows with lower numbers off; false when nothing is left to tell.
    mutating func dropRows(below number: UInt64) -> Bool {
      guard header.number < number, header.count > 0 else { return true }
      let dropped = Int(min(number - header.number, UInt64(header.count)))
      payload.removeFirst(dropped * payload.count / Int(header.count))
      ids.removeFirst(dropped * ids.count / Int(header.count))
      if inputs.count == Int(header.count) { inputs.removeFirst(dropped) }
      header.number += UInt64(dropped)
      header.count -= UInt32(dropped)
      return header.count > 0 || header.flags.contains(.last)
    }
  }

  /// A refusal that used numbers up: their answer.
  struct RefusedInput {
    var header: Header
    var refusal: Refusal
  }

  private enum Content {
    /// A fingerprint of each applied element, the first of them with number `first`.
    case input(first: UInt64, fingerprints: [UInt64])
    /// Text is short enough to keep.
    case text(first: UInt64, bytes: [UInt8])
    case answer(Answer)
    case refused(RefusedInput)

    /// The first number behind what was applied; nil for what is no input.
    var inputEnd: UInt64? {
      switch self {
      case .input(let first, let fingerprints): first + UInt64(fingerprints.count)
      case .text(let first, let bytes): first + UInt64(bytes.count)
      case .answer, .refused: nil
      }
    }

    /// The first number that it answers; nil for input.
    var firstAnswered: UInt64? {
      switch self {
      case .input, .text: nil
      case .answer(let answer): answer.firstInput
      case .refused(let refused): refused.header.number
      }
    }
  }

  private struct Entry {
    let content: Content
    let byteCount: Int
    /// The entry of the same stream before this one; -1 for none.
    let previous: Int
  }

  private var entries = BlockQueue<Entry>()
  /// Index of the oldest entry since the start.
  private var oldest = 0
  private(set) var byteCount = 0
  private let byteCountMax: Int

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  // MARK: Filling

  /// Keeps what tells an honest repeat of this input from a conflicting one.
  func keep(
    input: UnsafeRawBufferPointer, first: UInt64, elementBytes: Int, of stream: IngressStream
  ) {
    guard !input.isEmpty else { return }
    if elementBytes == 1 {
      append(.text(first: first, bytes: Array(input)), bytes: input.count, of: stream)
    } else {
      let prints = AnswerCache.fingerprints(input, elementBytes: elementBytes)
      append(.input(first: first, fingerprints: prints), bytes: prints.count * 8, of: stream)
    }
  }

  func keep(_ answer: Answer, of stream: IngressStream) {
    let bytes = answer.payload.count + answer.ids.count + answer.note.count
    append(.answer(answer), bytes: bytes, of: stream)
  }

  func keep(_ refused: RefusedInput, of stream: IngressStream) {
    let bytes = MemoryLayout<RefusedInput>.stride + refused.refusal.message.utf8.count
    append(.refused(refused), bytes: bytes, of: stream)
  }

  private func append(_ content: Content, bytes: Int, of stream: IngressStream) {
    let byteCount = bytes + MemoryLayout<Entry>.stride + MemoryLayout<Int>.stride
    entries.append(Entry(content: content, byteCount: byteCount, previous: stream.newestCached))
    stream.newestCached = oldest + entries.count - 1
    self.byteCount += byteCount
    while self.byteCount > byteCountMax, let first = entries.popFirst() {
      self.byteCount -= first.byteCount
      oldest += 1
    }
  }

  /// Forgets a stream's life: what comes next has the same numbers and another meaning.
  func forget(_ stream: IngressStream) { stream.newestCached = AnswerCache.nothing }

  /// In `newestCached`: nothing of a life that has begun here.
  static let nothing = -1

  /// The same of one that is older than this process, or was parked: it may have been answered before.
  static let nothingOfBefore = -2

  // MARK: Reading

  /// Whether input that was applied before is repeated with other bytes.
  func conflicts(
    input: UnsafeRawBufferPointer, first: UInt64, elementBytes: Int, with stream: IngressStream
  ) -> Bool {
    guard stream.newestCached >= oldest, !input.isEmpty else { return false }
    let contents = contents(of: stream, behind: first)
    guard !contents.isEmpty else { return false }
    let prints =
      elementBytes == 1
      ? input.map(UInt64.init) : AnswerCache.fingerprints(input, elementBytes: elementBytes)
    for content in contents {
      let kept: [UInt64]
      let keptFirst: UInt64
      switch content {
      case .input(let first, let fingerprints): (keptFirst, kept) = (first, fingerprints)
      case .text(let first, let bytes): (keptFirst, kept) = (first, bytes.map(UInt64.init))
      case .answer, .refused: continue
      }
      let from = max(first, keptFirst)
      let to = min(first + UInt64(prints.count), keptFirst + UInt64(kept.count))
      guard from < to else { continue }
      let same = prints[Int(from - first)..<Int(to - first)]
        .elementsEqual(kept[Int(from - keptFirst)..<Int(to - keptFirst)])
      if !same { return true }
    }
    return false
  }

  /// The refusals that used numbers of `range` up, oldest first.
  func refusals(of stream: IngressStream, in range: Range<UInt64>) -> [RefusedInput] {
    contents(of: stream, behind: range.lowerBound).compactMap { content in
      guard case .refused(let refused) = content,
        refused.header.number < range.upperBound, refused.header.end > range.lowerBound
      else { return nil }
      return refused
    }
  }

  /// The cached answers whose last step used input in `range`, oldest first.
  func answers(of stream: IngressStream, toInputIn range: ClosedRange<UInt64>) -> [Answer] {
    contents(of: stream, behind: max(range.lowerBound, 1) - 1).compactMap {
      guard case .answer(let answer) = $0, range.contains(answer.header.input) else { return nil }
      return answer
    }
  }

  /// Below which number input from `number` on was answered so long ago that its answers are gone, as
  /// far as `answers(of:toInputIn:)` looks; nil where none are.
  func missing(of stream: IngressStream, from number: UInt64) -> UInt64? {
    var first = stream.isAnsweredToEnd ? stream.sequence.expected : stream.answeredInput
    var index = stream.newestCached
    var count = 0
    let answered = first
    while index >= oldest {
      let entry = entries[index - oldest]
      if let end = entry.content.inputEnd, end <= number { return nil }
      guard count < Limits.repeatedEntries else { return answered > number ? answered : nil }
      first = min(first, entry.content.firstAnswered ?? first)
      index = entry.previous
      count += 1
    }
    guard index != AnswerCache.nothing, first > number else { return nil }
    return first
  }

  /// Below which input number the answers are gone, where those from number `wanted` on are asked for;
  /// nil where all of them are here.
  func missing(of stream: IngressStream, answersFrom wanted: UInt64) -> UInt64? {
    var first: Answer?
    var index = stream.newestCached
    while index >= oldest {
      let entry = entries[index - oldest]
      if case .answer(let answer) = entry.content { first = answer }
      index = entry.previous
    }
    guard index != AnswerCache.nothing else { return nil }
    if let first { return wanted < first.header.number ? first.firstInput : nil }
    if stream.isAnsweredToEnd { return stream.sequence.expected }
    return wanted < stream.nextAnswer ? stream.answeredInput : nil
  }

  /// Whether a stream's last answer is gone, which is its newest entry.
  func missesEnd(of stream: IngressStream) -> Bool {
    stream.isAnsweredToEnd && stream.newestCached < oldest
      && stream.newestCached != AnswerCache.nothing
  }

  /// The cached answers from number `first` on.
  func answers(of stream: IngressStream, from first: UInt64) -> [Answer] {
    answers(of: stream).filter { $0.header.end > first || $0.header.flags.contains(.last) }
  }

  private func answers(of stream: IngressStream) -> [Answer] {
    contents(of: stream).compactMap { if case .answer(let answer) = $0 { answer } else { nil } }
  }

  /// Behind the newest entry of all.
  var end: Int { oldest + entries.count }

  /// The cached answers that came when or after `end` was `index`.
  func answers(of stream: IngressStream, since index: Int) -> [Answer] {
    var answers: [Answer] = []
    var next = stream.newestCached
    while next >= max(oldest, index) {
      let entry = entries[next - oldest]
      if case .answer(let answer) = entry.content { answers.append(answer) }
      next = entry.previous
    }
    return answers.reversed()
  }

  /// What was kept since input behind `position` came, oldest first; nothing where that is longer
  /// ago than anybody who keeps to the credit would repeat.
  ///
  /// Who repeats a stream's first message over and over must cost no more than its messages do.
  private func contents(of stream: IngressStream, behind position: UInt64) -> [Content] {
    var contents: [Content] = []
    var index = stream.newestCached
    while index >= oldest {
      let entry = entries[index - oldest]
      if let end = entry.content.inputEnd, end <= position { return contents.reversed() }
      guard contents.count < Limits.repeatedEntries else { return [] }
      contents.append(entry.content)
      index = entry.previous
    }
    return contents.reversed()
  }

  /// Oldest first.
  private func contents(of stream: IngressStream) -> [Content] {
    var contents: [Content] = []
    var index = stream.newestCached
    // What the ring has dropped is older than all it holds.
    while index >= oldest {
      let entry = entries[index - oldest]
      contents.append(entry.content)
      index = entry.previous
    }
    return contents.reversed()
  }

  /// 64 bits of each element, whole words at a time.
  private static func fingerprints(
    _ bytes: UnsafeRawBufferPointer, elementBytes: Int
  ) -> [UInt64] {
    stride(from: 0, to: bytes.count, by: elementBytes).map { start in
      var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
      func mix(_ word: UInt32) {
        hash = (hash ^ UInt64(word)) &* 0xff51_afd7_ed55_8ccd
        hash ^= hash >> 32
      }
      let words = elementBytes & ~3
      for offset in stride(from: start, to: start + words, by: 4) {
        mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      }
      // Frames have any number of bytes.
      for offset in start + words..<start + elementBytes { mix(UInt32(bytes[offset])) }
      return hash
    }
  }
}
