/// Keras' `Tokenizer` (`keras_preprocessing`), as its `to_json()` says it.
///
/// `texts_to_sequences` of one text: ids from `word_index`, those of `num_words` and above and words
/// not in it are `oov_token`, or make no step without one.
package struct KerasTokenizer: SegmentTokenizer {
  package let vocabulary: Vocabulary
  private let isCharacterLevel: Bool
  private let lowercases: Bool
  private let separators: Set<Unicode.Scalar>
  private let unknownID: Int32?

  /// - Throws: a `TokenizerFileError` naming the key.
  package init(json: [UInt8]) throws(TokenizerFileError) {
    let top = try TokenizerJSON(parsing: json)
    if let name = try top.optionalText("class_name"), name != "Tokenizer" {
      throw .unsupported(
        "class_name", "is \"\(PrintableText.escaped(name))\", expected \"Tokenizer\"")
    }
    let config = try top.optionalObject("config") ?? top
    isCharacterLevel = try config.optionalFlag("char_level") ?? false
    lowercases = try config.optionalFlag("lower") ?? true
    let split = try config.optionalText("split") ?? " "
    guard isCharacterLevel || split.unicodeScalars.count == 1 else {
      throw .unsupported(
        "config.split", "is \"\(PrintableText.escaped(split))\", expected one character")
    }
    let filters = try config.optionalText("filters") ?? ""
    separators = Set(filters.unicodeScalars).union(split.unicodeScalars)
    // Keras writes the index as JSON inside a string.
    let index =
      if config.isObject("word_index") {
        try config.object("word_index")
      } else {
        try TokenizerJSON(
          parsing: Array(try config.text("word_index").utf8), path: "config.word_index")
      }
    // Ids from num_words on are as unknown.
    let size = try config.optionalInteger("num_words") ?? 0
    let unknownToken = try config.optionalText("oov_token")
    let pairs = try index.ids().filter { word, id in
      size <= 0 || id < size || word == unknownToken
    }
    vocabulary = try Vocabulary(pairs: pairs, key: "config.word_index")
    unknownID = unknownToken.flatMap(vocabulary.id(of:))
  }

  package func isBoundary(_ held: [Unicode.Scalar], before next: Unicode.Scalar) -> Bool {
    guard !isCharacterLevel, separators.contains(next) else { return false }
    return !FinalSigma.isPending(held, lowercases) || !next.properties.isCaseIgnorable
  }

  package func isComplete(_ held: [Unicode.Scalar]) -> Bool {
    isCharacterLevel && !FinalSigma.isPending(held, lowercases)
  }

  package func tokenize(
    _ segment: [Unicode.Scalar], context: inout UInt8
  ) -> [SegmentToken] {
    var scalars = segment
    if lowercases { scalars = FinalSigma.lowercased(segment, context: &context) }
    if isCharacterLevel { return scalars.compactMap { token(String($0)) } }
    return scalars.split { separators.contains($0) }
      .compactMap { token(String(String.UnicodeScalarView($0))) }
  }

  private func token(_ word: String) -> SegmentToken {
    vocabulary.id(of: word).map { .known($0) } ?? .unknown(unknownID)
  }
}
