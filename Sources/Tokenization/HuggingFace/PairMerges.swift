/// Byte-pair encoding: of a word's letters, the pair that was merged first in training is merged first,
/// the leftmost of equals.
struct PairMerges: Sendable {
  static let keys: Set<String> = [
    "merges", "dropout", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
    "byte_fallback", "ignore_merges",
  ]

  private struct Pair: Hashable {
    let left: Int32
    let right: Int32
  }

  private let merges: [Pair: (rank: Int32, id: Int32)]
  private let unknown: Int32?
  private let prefix: [Unicode.Scalar]
  private let suffix: [Unicode.Scalar]
  private let fusesUnknown: Bool
  private let ignoresMerges: Bool
  /// Ids of the 256 bytes for letters that are no tokens; nil without them.
  private let byteIDs: [Int32?]?

  /// - Throws: a `TokenizerFileError` naming the merge whose parts are no tokens.
  init(
    _ json: TokenizerJSON, _ vocabulary: Vocabulary, unknown: Int32?
  ) throws(TokenizerFileError) {
    if json.has("dropout") {
      throw .unsupported(json.path + "dropout", "is set: tokens would be drawn by chance")
    }
    self.unknown = unknown
    prefix = Array((try json.optionalText("continuing_subword_prefix") ?? "").unicodeScalars)
    suffix = Array((try json.optionalText("end_of_word_suffix") ?? "").unicodeScalars)
    fusesUnknown = try json.optionalFlag("fuse_unk") ?? false
    ignoresMerges = try json.optionalFlag("ignore_merges") ?? false
    let fallsBack = try json.optionalFlag("byte_fallback") ?? false
    byteIDs =
      fallsBack ? (0..<256).map { vocabulary.id(of: "<0x\(PairMerges.hexadecimal($0))>") } : nil
    guard let list = try json.optionalList("merges") else { throw .missing(json.path + "merges") }
    var merges: [Pair: (rank: Int32, id: Int32)] = [:]
    merges.reserveCapacity(list.count)
    for (rank, merge) in list.enumerated() {
      guard let (left, right) = PairMerges.parts(of: merge) else {
        throw .malformed("\(json.path)merges[\(rank)]", "is no pair of tokens")
      }
      let joined = Array(left.unicodeScalars) + right.unicodeScalars.dropFirst(prefix.count)
      guard let leftID = vocabulary.id(of: left), let rightID = vocabulary.id(of: right),
        let id = WordModel.id(of: joined, vocabulary)
      else {
        throw .malformed(
          "\(json.path)merges[\(rank)]",
          "joins \"\(PrintableText.escaped(left))\" and \"\(PrintableText.escaped(right))\", "
            + "which are not in the vocabulary with what they make")
      }
      merges[Pair(left: leftID, right: rightID)] = (Int32(rank), id)
    }
    self.merges = merges
  }

  /// `"a b"`, or a list of two.
  private static func parts(of merge: JSONTree) -> (String, String)? {
    switch merge {
    case .text(let text):
      let parts = text.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false)
      return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    case .list(let list):
      guard list.count == 2, case .text(let left) = list[0], case .text(let right) = list[1] else {
        return nil
      }
      return (left, right)
    default: return nil
    }
  }

  private static func hexadecimal(_ byte: Int) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return byte < 16 ? "0" + digits : digits
  }

  // MARK: A word

  func tokens(of word: [Unicode.Scalar], _ vocabulary: Vocabulary) -> [SegmentToken] {
    guard !word.isEmpty else { return [] }
    if ignoresMerges, let id = WordModel.id(of: word, vocabulary) { return [.known(id)] }
    var (letters, lostCount) = letters(of: word, vocabulary)
    merge(&letters)
    let tokens = letters.map { id -> SegmentToken in
      id == unknown ? .unknown(id) : .known(id)
    }
    return tokens + Array(repeating: .unknown(nil), count: lostCount)
  }

  /// The ids of the letters, and how many had none and no unknown token to stand for them.
  private func letters(
    of word: [Unicode.Scalar], _ vocabulary: Vocabulary
  ) -> (ids: [Int32], lostCount: Int) {
    var ids: [Int32] = []
    var lostCount = 0
    var isUnknownPending = false
    for (index, scalar) in word.enumerated() {
      var letter = index > 0 ? prefix + [scalar] : [scalar]
      if index == word.count - 1 { letter += suffix }
      if let id = WordModel.id(of: letter, vocabulary) {
        if isUnknownPending, let unknown { ids.append(unknown) }
        isUnknownPending = false
        ids.append(id)
        continue
      }
      // An unknown letter before them is added behind the bytes, as the library does.
      if let bytes = bytes(of: letter) {
        ids += bytes
        continue
      }
      guard let unknown else {
        lostCount += 1
        continue
      }
      if isUnknownPending, !fusesUnknown { ids.append(unknown) }
      isUnknownPending = true
    }
    if isUnknownPending, let unknown { ids.append(unknown) }
    return (ids, lostCount)
  }

  private func bytes(of letter: [Unicode.Scalar]) -> [Int32]? {
    guard let byteIDs else { return nil }
    var ids: [Int32] = []
    for scalar in letter {
      for byte in String(scalar).utf8 {
        guard let id = byteIDs[Int(byte)] else { return nil }
        ids.append(id)
      }
    }
    return ids
  }

  private func merge(_ ids: inout [Int32]) {
    var next = Array(1...max(1, ids.count))
    var previous = Array(-1..<max(0, ids.count - 1))
    var isAlive = [Bool](repeating: true, count: ids.count)
    var queue = MergeQueue()
    func offer(_ left: Int) {
      guard left >= 0, next[left] < ids.count,
        let merge = merges[Pair(left: ids[left], right: ids[next[left]])]
      else { return }
      queue.push(.init(rank: merge.rank, position: Int32(left), id: merge.id))
    }
    for index in ids.indices { offer(index) }
    while let candidate = queue.pop() {
      let left = Int(candidate.position)
      guard isAlive[left], next[left] < ids.count,
        let merge = merges[Pair(left: ids[left], right: ids[next[left]])],
        merge.rank == candidate.rank
      else { continue }
      let right = next[left]
      isAlive[right] = false
      ids[left] = merge.id
      next[left] = next[right]
      if next[left] < ids.count { previous[next[left]] = left }
      offer(previous[left])
      offer(left)
    }
    var index = -1
    ids.removeAll { _ in
      index += 1
      return !isAlive[index]
    }
  }
}
