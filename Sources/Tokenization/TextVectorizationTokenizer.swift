/// Keras' `TextVectorization`, as its `get_config()` and its vocabulary say it.
///
/// Lower case is that of `tf.strings.lower`, A to Z alone; white space that of `tf.strings.split`,
/// ASCII alone. Nothing is padded or cut: a stream has a step for each token.
package struct TextVectorizationTokenizer: SegmentTokenizer {
  package enum Split: Sendable {
    case whitespace
    case character
    /// The text is one token, at its end.
    case whole
  }

  package let vocabulary: Vocabulary
  private let lowercases: Bool
  private let stripsPunctuation: Bool
  private let split: Split
  private let unknownID: Int32

  /// A layer whose options are known: the tokens by their ids, with the padding's and the unknown one's.
  ///
  /// - Throws: a `TokenizerFileError` for tokens that cannot be used.
  package init(
    tokens: [String], unknown: Int, split: Split, lowercases: Bool, stripsPunctuation: Bool
  ) throws(TokenizerFileError) {
    var pairs: [(String, Int32)] = []
    for (id, token) in tokens.enumerated() where !token.isEmpty { pairs.append((token, Int32(id))) }
    vocabulary = try Vocabulary(pairs: pairs, key: "vocabulary")
    unknownID = Int32(clamping: unknown)
    self.split = split
    self.lowercases = lowercases
    self.stripsPunctuation = stripsPunctuation
  }

  /// - Parameters:
  ///   - json: the layer's config, or the layer with its class name.
  ///   - file: the vocabulary, one token a line, the first two of them empty and `[UNK]` or left
  ///     out; nil where the config has it.
  /// - Throws: a `TokenizerFileError` naming the key.
  package init(config json: [UInt8], vocabulary file: [UInt8]?) throws(TokenizerFileError) {
    var config = try TokenizerJSON(parsing: json)
    if let name = try config.optionalText("class_name"), name != "TextVectorization" {
      throw .unsupported(
        "class_name", "is \"\(PrintableText.escaped(name))\", expected \"TextVectorization\"")
    }
    config = try config.optionalObject("config") ?? config
    for key in ["ngrams", "idf_weights"] where config.has(key) {
      throw .unsupported(key, "is set, expected null: its steps are no tokens of the text")
    }
    let mode = try config.optionalText("output_mode") ?? "int"
    guard mode == "int" else {
      throw .unsupported("output_mode", "is \"\(mode)\", expected \"int\", one id a token")
    }
    let encoding = try config.optionalText("encoding") ?? "utf-8"
    guard encoding == "utf-8" else {
      throw .unsupported("encoding", "is \"\(encoding)\", expected \"utf-8\"")
    }
    switch try config.optionalText("standardize") {
    case nil: (lowercases, stripsPunctuation) = (false, false)
    case "lower": (lowercases, stripsPunctuation) = (true, false)
    case "strip_punctuation": (lowercases, stripsPunctuation) = (false, true)
    case "lower_and_strip_punctuation": (lowercases, stripsPunctuation) = (true, true)
    case .some(let other):
      throw .unsupported(
        "standardize",
        "is \"\(other)\", expected lower_and_strip_punctuation, lower, strip_punctuation or null")
    }
    switch try config.optionalText("split") {
    case nil: split = .whole
    case "whitespace": split = .whitespace
    case "character": split = .character
    case .some(let other):
      throw .unsupported("split", "is \"\(other)\", expected whitespace, character or null")
    }
    unknownID = 1
    vocabulary = try TextVectorizationTokenizer.vocabulary(config, file)
  }

  private static func vocabulary(
    _ config: TokenizerJSON, _ file: [UInt8]?
  ) throws(TokenizerFileError) -> Vocabulary {
    var tokens: [String]
    if let file {
      guard let text = String(validating: file, as: UTF8.self) else {
        throw .malformed("vocabulary", "is not UTF-8")
      }
      tokens = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        .map { String($0.last == "\r" ? $0.dropLast() : $0) }
      // Keras writes no newline behind the last token.
      if tokens.count > 1, tokens.last == "" { tokens.removeLast() }
    } else {
      guard let own = try config.optionalTexts("vocabulary") else {
        throw .missing(
          "vocabulary", "; the config of an adapted layer has none: name its file (get_vocabulary)")
      }
      tokens = own
    }
    if tokens.starts(with: ["", "[UNK]"]) { tokens.removeFirst(2) }
    if tokens.first == "[UNK]" { tokens.removeFirst() }
    // 0 is padding, which no text has.
    return try Vocabulary(
      pairs: [("[UNK]", 1)] + tokens.enumerated().map { ($1, Int32($0) + 2) }, key: "vocabulary")
  }

  package func isBoundary(_ held: [Unicode.Scalar], before next: Unicode.Scalar) -> Bool {
    split == .whitespace && TextVectorizationTokenizer.isSpace(next)
  }

  package func isComplete(_ held: [Unicode.Scalar]) -> Bool { split == .character }

  package func tokenize(
    _ segment: [Unicode.Scalar], context: inout UInt8
  ) -> [SegmentToken] {
    var scalars = segment
    if lowercases {
      scalars = scalars.map {
        ("A"..."Z").contains($0) ? Unicode.Scalar(UInt8($0.value) | 0x20) : $0
      }
    }
    if stripsPunctuation { scalars.removeAll { TextTokenizer.kerasPunctuation.contains($0) } }
    switch split {
    case .character: return scalars.map { token(String($0)) }
    case .whole: return scalars.isEmpty ? [] : [token(String(String.UnicodeScalarView(scalars)))]
    case .whitespace:
      return scalars.split(whereSeparator: TextVectorizationTokenizer.isSpace)
        .map { token(String(String.UnicodeScalarView($0))) }
    }
  }

  private func token(_ word: String) -> SegmentToken {
    vocabulary.id(of: word).map { .known($0) } ?? .unknown(unknownID)
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || (0x09...0x0D).contains(scalar.value)
  }
}
