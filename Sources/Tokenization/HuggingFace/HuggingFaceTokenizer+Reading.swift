extension HuggingFaceTokenizer {
  /// Reads a tokenizer.json.
  ///
  /// `addsSpecialTokens` is that of `encode`: whether the post-processor's tokens stand at the start
  /// and the end of a text.
  ///
  /// - Throws: a `TokenizerFileError` naming what is not supported.
  package init(json: [UInt8], addsSpecialTokens: Bool = true) throws(TokenizerFileError) {
    let top = try TokenizerJSON(parsing: json)
    try top.refuseOthers(than: [
      "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
      "post_processor", "decoder", "model",
    ])
    notices = try HuggingFaceTokenizer.notices(top)
    let added = try top.objects("added_tokens")
    let modelJSON = try top.object("model")
    (words, vocabulary) = try HuggingFaceTokenizer.vocabularies(modelJSON, added)
    model = try WordModel(modelJSON, words)
    var normalizer: TextNormalizer?
    if let json = try top.optionalObject("normalizer") { normalizer = try TextNormalizer(json) }
    self.normalizer = normalizer
    guard let pre = try top.optionalObject("pre_tokenizer") else {
      throw .unsupported(
        "pre_tokenizer", "is null: no token would be final before the end of the text")
    }
    preTokenizer = try PreTokenizer(pre)
    guard let cut = preTokenizer.cut, !preTokenizer.hidesBlanks else {
      throw .unsupported(
        "pre_tokenizer",
        "does not split at white space: no token would be final before the end of the text")
    }
    guard !preTokenizer.prependsUncertainly else {
      throw .unsupported(
        "pre_tokenizer", "puts a blank before what Digits, Punctuation or Split have cut")
    }
    self.cut = cut
    let (raw, normalized) = try HuggingFaceTokenizer.addedTokens(added, normalizer)
    (rawTokens, normalizedTokens) = (raw, normalized)
    cutsInsideSpace = !raw.takesLeft && !normalized.takesLeft
    cutsAtIdeographs = normalizer?.spacesIdeographs ?? false && !normalized.hasSingleWords
    var special: (start: [Int32], end: [Int32]) = ([], [])
    if let post = try top.optionalObject("post_processor") {
      special = try HuggingFaceTokenizer.specialTokens(post, vocabulary)
    }
    startIDs = addsSpecialTokens ? special.start : []
    endIDs = addsSpecialTokens ? special.end : []
  }

  /// What the file asks of whole texts, and a stream is none: the tokens of the text are the same.
  ///
  /// A single text is not padded to the longest of its batch.
  private static func notices(_ top: TokenizerJSON) throws(TokenizerFileError) -> [String] {
    var notices: [String] = []
    if let truncation = try top.optionalObject("truncation") {
      let length = try truncation.optionalInteger("max_length") ?? 0
      notices.append(
        "is cut to \(length) tokens by its file (\"truncation\"), which is not done: a stream goes on; "
          + "limits: { max-steps: \(length) } refuses what is longer")
    }
    if let padding = try top.optionalObject("padding"),
      padding.isObject("strategy") || padding.has("pad_to_multiple_of")
    {
      notices.append(
        "is padded to a length by its file (\"padding\"), which is not done: a stream has none")
    }
    return notices
  }

  /// The model's tokens, and these with the added ones.
  private static func vocabularies(
    _ model: TokenizerJSON, _ added: [TokenizerJSON]
  ) throws(TokenizerFileError) -> (Vocabulary, Vocabulary) {
    if try model.optionalText("type") == "Unigram" {
      throw .unsupported(
        "model.type", "is Unigram; use kind: sentencepiece with the .model file it came from")
    }
    var pairs = try model.object("vocab").ids()
    let known = try Vocabulary(pairs: pairs, key: "model.vocab")
    for token in added {
      let text = try token.text("content")
      let id = try token.id("id")
      guard let own = known.id(of: text) else {
        pairs.append((text, id))
        continue
      }
      guard own == id else {
        throw .malformed(token.path + "id", "is \(id), but \(own) in the model's vocabulary")
      }
    }
    return (known, try Vocabulary(pairs: pairs, key: "added_tokens"))
  }

  private static func addedTokens(
    _ list: [TokenizerJSON], _ normalizer: TextNormalizer?
  ) throws(TokenizerFileError) -> (raw: AddedTokens, normalized: AddedTokens) {
    var raw: [AddedTokens.Token] = []
    var normalized: [AddedTokens.Token] = []
    for json in list {
      try json.refuseOthers(than: [
        "id", "content", "single_word", "lstrip", "rstrip", "normalized", "special",
      ])
      var token = AddedTokens.Token(
        id: try json.id("id"), text: Array(try json.text("content").unicodeScalars))
      token.isSingleWord = try json.optionalFlag("single_word") ?? false
      token.takesLeft = try json.optionalFlag("lstrip") ?? false
      token.takesRight = try json.optionalFlag("rstrip") ?? false
      let special = try json.optionalFlag("special") ?? false
      guard try json.optionalFlag("normalized") ?? !special else {
        raw.append(token)
        continue
      }
      guard let normalizer else {
        normalized.append(token)
        continue
      }
      token.text = normalizer.apply(token.text)
      // Text is cut before it is normalized, where such a token cannot be seen yet.
      let crossing = token.text.contains {
        CharacterClass.isSpace($0) || CharacterClass.isIdeograph($0)
      }
      if crossing || token.takesRight {
        throw .unsupported(
          json.path + "normalized",
          "is true for a token with white space, ideographs or rstrip")
      }
      normalized.append(token)
    }
    return (AddedTokens(raw), AddedTokens(normalized))
  }

  // MARK: Special tokens around a text

  private static func specialTokens(
    _ json: TokenizerJSON, _ vocabulary: Vocabulary
  ) throws(TokenizerFileError) -> (start: [Int32], end: [Int32]) {
    let type = try json.text("type")
    switch type {
    // Changes offsets alone.
    case "ByteLevel": return ([], [])
    case "BertProcessing", "RobertaProcessing":
      return ([try pairedID("cls", json)], [try pairedID("sep", json)])
    case "TemplateProcessing": return try template(json)
    case "Sequence":
      var all: (start: [Int32], end: [Int32]) = ([], [])
      for part in try json.objects("processors") {
        let special = try specialTokens(part, vocabulary)
        all = (special.start + all.start, all.end + special.end)
      }
      return all
    default: throw .unsupported(json.path + "type", "is \(PrintableText.escaped(type))")
    }
  }

  /// `["[SEP]", 102]`.
  private static func pairedID(
    _ key: String, _ json: TokenizerJSON
  ) throws(TokenizerFileError) -> Int32 {
    guard let list = try json.optionalList(key), list.count == 2,
      case .number(let number) = list[1],
      let id = Int32(exactly: number), id >= 0
    else { throw .malformed(json.path + key, "is no token with its id") }
    return id
  }

  private static func template(
    _ json: TokenizerJSON
  ) throws(TokenizerFileError) -> (start: [Int32], end: [Int32]) {
    let names = try json.optionalObject("special_tokens")
    var start: [Int32] = []
    var end: [Int32] = []
    var hasText = false
    for piece in try json.objects("single") {
      if let special = try piece.optionalObject("SpecialToken") {
        let name = try special.text("id")
        guard let token = try names?.optionalObject(name) else {
          throw .missing(json.path + "special_tokens." + PrintableText.escaped(name))
        }
        let ids = try token.optionalIDs("ids")
        if hasText { end += ids } else { start += ids }
      } else {
        let sequence = try piece.object("Sequence").text("id")
        guard sequence == "A", !hasText else {
          throw .unsupported(json.path + "single", "has another text than one A")
        }
        hasText = true
      }
    }
    guard hasText else { throw .malformed(json.path + "single", "has no text") }
    return (start, end)
  }
}
