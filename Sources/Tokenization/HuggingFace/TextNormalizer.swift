/// A `normalizer` of a tokenizer.json that can be applied to a text segment by segment.
indirect enum TextNormalizer: Sendable {
  case bert(cleans: Bool, spacesIdeographs: Bool, stripsAccents: Bool, lowercases: Bool)
  case lowercase
  case form(UnicodeForm)
  case stripAccents
  /// A text without white space, so that no match crosses a place where segments are cut.
  case replace([Unicode.Scalar], by: [Unicode.Scalar])
  case sequence([TextNormalizer])

  /// - Throws: a `TokenizerFileError` for a normalizer that is not here, by its name.
  init(_ json: TokenizerJSON) throws(TokenizerFileError) {
    let type = try json.text("type")
    var known: Set<String> = ["type"]
    switch type {
    case "BertNormalizer":
      known.formUnion(["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"])
      let lowercases = try json.optionalFlag("lowercase") ?? true
      self = .bert(
        cleans: try json.optionalFlag("clean_text") ?? true,
        spacesIdeographs: try json.optionalFlag("handle_chinese_chars") ?? true,
        stripsAccents: try json.optionalFlag("strip_accents") ?? lowercases,
        lowercases: lowercases)
    case "Lowercase": self = .lowercase
    case "NFC": self = .form(.nfc)
    case "NFD": self = .form(.nfd)
    case "NFKC": self = .form(.nfkc)
    case "NFKD": self = .form(.nfkd)
    case "StripAccents": self = .stripAccents
    case "Replace":
      known.formUnion(["pattern", "content"])
      let pattern = try json.object("pattern")
      guard let text = try pattern.optionalText("String"), !text.isEmpty else {
        throw .unsupported(json.path + "pattern", "is no plain text, and others are not replaced")
      }
      guard !text.unicodeScalars.contains(where: CharacterClass.isSpace) else {
        throw .unsupported(
          json.path + "pattern", "has white space, where a stream's text must be cut")
      }
      self = .replace(
        Array(text.unicodeScalars), by: Array(try json.text("content").unicodeScalars))
    case "Sequence":
      known.insert("normalizers")
      var parts: [TextNormalizer] = []
      for part in try json.objects("normalizers") { parts.append(try TextNormalizer(part)) }
      self = .sequence(parts)
    default:
      throw .unsupported(json.path + "type", "is \(PrintableText.escaped(type))")
    }
    try json.refuseOthers(than: known)
  }

  /// Whether ideographs are words of their own, from the first step on.
  var spacesIdeographs: Bool {
    switch self {
    case .bert(_, let spaces, _, _): spaces
    case .sequence(let parts): parts.first?.spacesIdeographs ?? false
    default: false
    }
  }

  func apply(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    switch self {
    case .bert(let cleans, let spaces, let strips, let lowercases):
      var text = text
      if cleans { text = TextNormalizer.cleaned(text) }
      if spaces {
        text = text.flatMap { CharacterClass.isIdeograph($0) ? [" ", $0, " "] : [$0] }
      }
      if strips {
        text = UnicodeForm.nfd.apply(text)
        text.removeAll { $0.properties.generalCategory == .nonspacingMark }
      }
      return lowercases ? TextNormalizer.lowercase.apply(text) : text
    case .lowercase:
      return text.flatMap { scalar -> [Unicode.Scalar] in
        if scalar.isASCII {
          return [
            ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar
          ]
        }
        return Array(scalar.properties.lowercaseMapping.unicodeScalars)
      }
    case .form(let form): return form.apply(text)
    case .stripAccents: return text.filter { !CharacterClass.isMark($0) }
    case .replace(let pattern, let content): return TextNormalizer.replaced(text, pattern, content)
    case .sequence(let parts): return parts.reduce(text) { $1.apply($0) }
    }
  }

  /// Controls go, and all white space becomes blanks.
  private static func cleaned(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    text.compactMap { scalar in
      if scalar == "\t" || scalar == "\n" || scalar == "\r" { return " " }
      switch scalar.properties.generalCategory {
      case .control, .format, .privateUse, .surrogate: return nil
      default: break
      }
      if scalar == "\u{FFFD}" { return nil }
      return CharacterClass.isSpace(scalar) ? " " : scalar
    }
  }

  private static func replaced(
    _ text: [Unicode.Scalar], _ pattern: [Unicode.Scalar], _ content: [Unicode.Scalar]
  ) -> [Unicode.Scalar] {
    var output: [Unicode.Scalar] = []
    var index = 0
    while index < text.count {
      if text[index...].starts(with: pattern) {
        output += content
        index += pattern.count
      } else {
        output.append(text[index])
        index += 1
      }
    }
    return output
  }
}
