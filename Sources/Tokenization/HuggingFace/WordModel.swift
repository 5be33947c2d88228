/// The `model` of a tokenizer.json: makes tokens of one word.
enum WordModel: Sendable {
  /// The word itself, or the unknown token.
  case wordLevel(unknown: Int32?)
  /// The longest pieces from the left.
  case wordPiece(unknown: Int32?, prefix: [Unicode.Scalar], longest: Int)
  case bpe(PairMerges)

  /// - Throws: a `TokenizerFileError` for a model that is not here, by its name.
  init(_ json: TokenizerJSON, _ vocabulary: Vocabulary) throws(TokenizerFileError) {
    let type = try json.optionalText("type") ?? (json.has("merges") ? "BPE" : "")
    var known: Set<String> = ["type", "vocab", "unk_token"]
    switch type {
    case "WordLevel":
      self = .wordLevel(unknown: try WordModel.unknown(json, vocabulary))
    case "WordPiece":
      known.formUnion(["continuing_subword_prefix", "max_input_chars_per_word"])
      self = .wordPiece(
        unknown: try WordModel.unknown(json, vocabulary),
        prefix: Array((try json.optionalText("continuing_subword_prefix") ?? "##").unicodeScalars),
        longest: try json.optionalInteger("max_input_chars_per_word") ?? 100)
    case "BPE":
      known.formUnion(PairMerges.keys)
      self = .bpe(
        try PairMerges(json, vocabulary, unknown: try WordModel.unknown(json, vocabulary)))
    case "Unigram":
      throw .unsupported(
        json.path + "type", "is Unigram; use kind: sentencepiece with the .model file it came from")
    default:
      throw .unsupported(
        json.path + "type",
        "is \"\(PrintableText.escaped(type))\", expected WordLevel, WordPiece or BPE")
    }
    try json.refuseOthers(than: known)
  }

  private static func unknown(
    _ json: TokenizerJSON, _ vocabulary: Vocabulary
  ) throws(TokenizerFileError) -> Int32? {
    guard let token = try json.optionalText("unk_token") else { return nil }
    return vocabulary.id(of: token)
  }

  /// Whether an unknown word without an unknown token is dropped; the other models fail.
  var skipsUnknown: Bool {
    if case .bpe = self { true } else { false }
  }

  func tokens(
    of word: [Unicode.Scalar], _ vocabulary: Vocabulary
  ) -> [SegmentToken] {
    switch self {
    case .wordLevel(let unknown):
      return [WordModel.id(of: word, vocabulary).map { .known($0) } ?? .unknown(unknown)]
    case .wordPiece(let unknown, let prefix, let longest):
      guard word.count <= longest,
        let pieces = WordModel.pieces(of: word, prefix, vocabulary)
      else { return [.unknown(unknown)] }
      return pieces.map { .known($0) }
    case .bpe(let merges): return merges.tokens(of: word, vocabulary)
    }
  }

  private static func pieces(
    of word: [Unicode.Scalar], _ prefix: [Unicode.Scalar], _ vocabulary: Vocabulary
  ) -> [Int32]? {
    var ids: [Int32] = []
    var start = 0
    while start < word.count {
      var end = word.count
      var found: Int32?
      while start < end, found == nil {
        found = id(of: (start > 0 ? prefix : []) + word[start..<end], vocabulary)
        if found == nil { end -= 1 }
      }
      guard let found else { return nil }
      ids.append(found)
      start = end
    }
    return ids
  }

  static func id(of word: some Sequence<Unicode.Scalar>, _ vocabulary: Vocabulary) -> Int32? {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: word)
    return vocabulary.id(of: String(text))
  }
}
