extension PreTokenizer {
  /// - Throws: a `TokenizerFileError` for a pre-tokenizer that is not here, by its name.
  init(_ json: TokenizerJSON) throws(TokenizerFileError) {
    let type = try json.text("type")
    var known: Set<String> = ["type"]
    switch type {
    case "BertPreTokenizer": self = .bert
    case "Whitespace": self = .words
    case "WhitespaceSplit": self = .whitespaceSplit
    case "Punctuation":
      known.insert("behavior")
      self = .punctuation(try PreTokenizer.behavior(json) ?? .isolated)
    case "Digits":
      known.insert("individual_digits")
      self = .digits(isolates: try json.optionalFlag("individual_digits") ?? false)
    case "ByteLevel":
      known.formUnion(["add_prefix_space", "trim_offsets", "use_regex"])
      self = .byteLevel(
        addsSpace: try json.optionalFlag("add_prefix_space") ?? true,
        splits: try json.optionalFlag("use_regex") ?? true)
    case "Split":
      known.formUnion(["pattern", "behavior", "invert"])
      self = try PreTokenizer.split(json)
    case "Metaspace":
      known.formUnion(["replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep"])
      self = try PreTokenizer.metaspace(json)
    case "Sequence":
      known.insert("pretokenizers")
      var parts: [PreTokenizer] = []
      for part in try json.objects("pretokenizers") { parts.append(try PreTokenizer(part)) }
      self = .sequence(parts)
    default:
      throw .unsupported(json.path + "type", "is \(PrintableText.escaped(type))")
    }
    try json.refuseOthers(than: known)
  }

  private static func behavior(_ json: TokenizerJSON) throws(TokenizerFileError) -> Behavior? {
    guard let name = try json.optionalText("behavior") else { return nil }
    guard let behavior = Behavior(rawValue: name) else {
      throw .unsupported(json.path + "behavior", "is \(PrintableText.escaped(name))")
    }
    return behavior
  }

  private static func split(_ json: TokenizerJSON) throws(TokenizerFileError) -> PreTokenizer {
    let pattern = try json.object("pattern")
    let behavior = try behavior(json) ?? .isolated
    let inverts = try json.optionalFlag("invert") ?? false
    if let expression = try pattern.optionalText("Regex") {
      guard let known = SplitPattern(expression) else {
        throw .unsupported(
          json.path + "pattern",
          "is \"\(PrintableText.escaped(expression))\", expected that of GPT-2, cl100k or Qwen 2")
      }
      // They match everything: the matches are the pieces in either way of saying so.
      guard behavior == .isolated && !inverts || behavior == .removed && inverts else {
        throw .unsupported(json.path + "behavior", "is \(behavior.rawValue), expected Isolated")
      }
      return .pattern(known)
    }
    let literal = Array(try pattern.text("String").unicodeScalars)
    guard !literal.isEmpty, !literal.contains(where: CharacterClass.isSpace) else {
      throw .unsupported(
        json.path + "pattern", "has white space, where a stream's text must be cut")
    }
    guard !inverts else { throw .unsupported(json.path + "invert", "is true for plain text") }
    return .literal(literal, behavior)
  }

  private static func metaspace(_ json: TokenizerJSON) throws(TokenizerFileError) -> PreTokenizer {
    let replacement = Array((try json.optionalText("replacement") ?? "\u{2581}").unicodeScalars)
    guard replacement.count == 1, !replacement.contains(where: CharacterClass.isSpace) else {
      throw .malformed(json.path + "replacement", "is no single letter")
    }
    guard try json.optionalFlag("split") ?? true else {
      throw .unsupported(
        json.path + "split", "is false: no token would be final before the end of the text")
    }
    let old: Prepending = try json.optionalFlag("add_prefix_space") ?? true ? .always : .never
    let scheme = try json.optionalText("prepend_scheme") ?? old.rawValue
    guard let prepending = Prepending(rawValue: scheme) else {
      throw .unsupported(json.path + "prepend_scheme", "is \(PrintableText.escaped(scheme))")
    }
    return .metaspace(replacement, prepending)
  }
}
