import Tokenization

extension TokenizerSection {
  static let keys = [
    "kind", "vocabulary", "first-id", "unknown", "start-token", "normalization", "invalid-utf8",
    "file", "special-tokens", "lowercase", "strip-punctuation", "filters", "split", "one-hot",
    "mean", "scale",
    "scaling",
    "missing", "lag", "difference", "current", "begin", "resample", "shape", "grey",
  ]

  /// Keys that one kind understands; the others are refused for it, so that none is ignored.
  private static func keys(of kind: Kind) -> Set<String> {
    let text: Set<String> = [
      "kind", "vocabulary", "first-id", "unknown", "start-token", "invalid-utf8", "one-hot",
    ]
    let trained: Set<String> = [
      "kind", "file", "unknown", "start-token", "invalid-utf8", "one-hot",
    ]
    return switch kind {
    case .characters: text.union(["normalization"])
    case .words: text.union(["lowercase", "strip-punctuation", "filters", "split"])
    case .bytes: ["kind", "first-id", "start-token", "one-hot"]
    case .kerasTokenizer, .sentencePiece: trained
    case .textVectorization: trained.union(["vocabulary"])
    case .huggingFace: trained.subtracting(["start-token"]).union(["special-tokens"])
    case .ids: ["kind", "one-hot"]
    case .oneHot: ["kind"]
    case .values:
      [
        "kind", "mean", "scale", "scaling", "missing", "lag", "difference", "current", "begin",
        "resample",
      ]
    case .frames: ["kind", "shape", "grey", "mean", "scale", "scaling"]
    }
  }

  init(_ section: YAMLSection, resolve: (String) -> String) throws(ConfigurationError) {
    kind = try section.choice("kind", Kind.self) ?? .values
    for key in section.keys where !TokenizerSection.keys(of: kind).contains(key) {
      throw section.error(key, "does not go with kind: \(kind.rawValue)")
    }
    vocabulary = try section.list("vocabulary")
    if vocabulary == nil { vocabularyFile = try section.text("vocabulary").map(resolve) }
    firstID = Int32(try section.integer("first-id", in: 0...Int(Int32.max)) ?? 0)
    startToken = try section.integer("start-token", in: 0...Int(Int32.max)).map(Int32.init)
    normalization = try section.choice("normalization", Normalization.self) ?? .hangul
    invalidText = try section.choice("invalid-utf8", InvalidText.self) ?? .refuse
    file = try section.text("file").map(resolve)
    addsSpecialTokens = try section.boolean("special-tokens") ?? true
    lowercase = try section.boolean("lowercase") ?? true
    stripsPunctuation = try section.boolean("strip-punctuation") ?? false
    filters = try section.text("filters")
    split = try section.choice("split", Split.self) ?? .whitespace
    oneHot = try section.boolean("one-hot")
    mean = try TokenizerSection.factor(section, "mean")
    scale = try TokenizerSection.factor(section, "scale")
    scalingFile = try section.text("scaling").map(resolve)
    try readUnknown(section)
    try readFeatures(section)
    if kind == .characters || kind == .words {
      guard vocabulary != nil || vocabularyFile != nil else {
        throw section.error("vocabulary", "is missing; kind: \(kind.rawValue) needs it")
      }
    }
    // A model may bring its own TextVectorization.
    let isOwn = kind == .textVectorization && vocabularyFile == nil
    if isTrained, file == nil, !isOwn {
      throw section.error("file", "is missing; kind: \(kind.rawValue) needs it")
    }
    if scalingFile != nil, mean != nil || scale != nil {
      throw section.error("scaling", "names a file, and mean or scale is given too; keep one")
    }
  }

  private mutating func readFeatures(_ section: YAMLSection) throws(ConfigurationError) {
    missing = try section.choice("missing", ValueFeatures.Missing.self) ?? .refuse
    lags = try TokenizerSection.wholeNumbers(section, "lag", in: 1...10_000)
    differences = try TokenizerSection.wholeNumbers(section, "difference", in: 1...10_000)
    keepsCurrent = try section.boolean("current") ?? true
    beginning = try section.choice("begin", ValueFeatures.Beginning.self) ?? .skip
    if let resample = try section.section("resample", known: ["column", "every", "method", "gap"]) {
      guard let every = try resample.number("every", in: 1e-9...1e12) else {
        throw resample.error("every", "is missing: the time between two steps")
      }
      guard let column = try resample.integer("column", in: 0...65_535) else {
        throw resample.error("column", "is missing: which value of a row is its time, from 0 on")
      }
      resampling = ValueFeatures.Resampling(
        column: column, every: every,
        method: try resample.choice("method", ValueFeatures.Resampling.Method.self) ?? .previous,
        gap: try resample.integer("gap", in: 1...4096) ?? 100)
    }
    shape = try TokenizerSection.wholeNumbers(section, "shape", in: 1...65_536)
    isGrey = try section.boolean("grey") ?? false
    if kind == .frames, shape.count != 2, shape.count != 3 {
      throw section.error(
        "shape", "has \(shape.count) numbers, expected [height, width] or [height, width, channels]"
      )
    }
  }

  /// One number or a list of them; empty when the key is missing.
  private static func wholeNumbers(
    _ section: YAMLSection, _ key: String, in range: ClosedRange<Int>
  ) throws(ConfigurationError) -> [Int] {
    var numbers: [Int] = []
    for number in try section.numbers(key) ?? [] {
      guard let whole = Int(exactly: number), range.contains(whole) else {
        throw section.error(
          key,
          "holds \(number), expected whole numbers from \(range.lowerBound) to \(range.upperBound)")
      }
      numbers.append(whole)
    }
    return numbers
  }

  /// Whether the tokenizer has a file of its own.
  private var isTrained: Bool { TokenizerSection.keys(of: kind).contains("file") }

  /// A number for all columns, or a list with one for each.
  static func factor(
    _ section: YAMLSection, _ key: String
  ) throws(ConfigurationError) -> ValueScaling.Factor? {
    guard let numbers = try section.numbers(key) else { return nil }
    if try section.list(key) != nil { return .each(numbers) }
    return numbers.first.map { .all($0) }
  }

  private mutating func readUnknown(_ section: YAMLSection) throws(ConfigurationError) {
    switch try section.text("unknown") {
    case nil: unknown = isTrained ? .asTrained : .refuse
    case "refuse": unknown = .refuse
    case "skip": unknown = .skip
    case .some(let text):
      guard let id = Int32(text), id >= 0 else {
        throw section.error("unknown", "is \"\(text)\", expected a token id, refuse or skip")
      }
      unknown = .id(id)
    }
  }
}
