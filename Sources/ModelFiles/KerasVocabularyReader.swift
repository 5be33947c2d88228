/// Reads `StringLookup` and `TextVectorization` at the front of a model.
struct KerasVocabularyReader {
  static let classes: Set<String> = ["StringLookup", "TextVectorization"]

  /// A vocabulary larger than this is refused.
  private static let tokenCountMax = 1 << 24

  private let layer: KerasLayer
  private let options: KerasOptions

  init(_ layer: KerasLayer, path: String) {
    self.layer = layer
    options = KerasOptions(layer, path: path)
  }

  /// The vocabulary; `asset` reads a file that belongs to the layer, nil if there is none.
  ///
  /// Throws a `ModelFileError`, or what `asset` throws.
  func vocabulary(asset: (String) throws -> [UInt8]?) throws -> ModelVocabulary {
    if let foreign = layer.foreign { throw options.unsupported(nil, foreign) }
    try requireText("output_mode", "int")
    try requireText("encoding", "utf-8")
    for key in ["vocabulary_size", "max_tokens", "pad_to_max_tokens", "dtype", "idf_weights"] {
      _ = options.value(key)
    }
    let isLookup = layer.className == "StringLookup"
    let result = isLookup ? try lookup(asset) : try vectorization(asset)
    try options.refuseUnread()
    return result
  }

  private func requireText(_ key: String, _ expected: String) throws(ModelFileError) {
    let text = try options.text(key, default: expected)
    guard text == expected else {
      throw options.unsupported(key, "is \"\(text)\", expected \"\(expected)\"")
    }
  }

  private func lookup(_ asset: (String) throws -> [UInt8]?) throws -> ModelVocabulary {
    if try options.flag("invert") {
      throw options.unsupported("invert", "is true: ids into text, expected false")
    }
    _ = options.value("oov_method")
    _ = options.value("salt")
    guard try options.singleSize("num_oov_indices", default: 1) == 1 else {
      throw options.unsupported("num_oov_indices", "is not 1: unknown tokens are hashed")
    }
    let unknown = try options.text("oov_token", default: "[UNK]")
    let mask = options.value("mask_token")?.string
    let special = (mask.map { [$0] } ?? []) + [unknown]
    return ModelVocabulary(
      tokens: try tokens(special, asset), unknown: special.count - 1, split: .none,
      lowercases: false, stripsPunctuation: false)
  }

  private func vectorization(_ asset: (String) throws -> [UInt8]?) throws -> ModelVocabulary {
    if let length = options.value("output_sequence_length") {
      throw options.unsupported(
        "output_sequence_length",
        "is \(length.shortText): the text is padded at its end, which a "
          + "stream does not know; expected null")
    }
    if let ngrams = options.value("ngrams") {
      throw options.unsupported("ngrams", "is \(ngrams.shortText), expected null")
    }
    let standard = options.saved("standardize") ?? .string("lower_and_strip_punctuation")
    let names: [JSONValue] = [
      .null, .string("lower"), .string("strip_punctuation"),
      .string("lower_and_strip_punctuation"),
    ]
    guard names.contains(standard) else {
      throw options.unsupported("standardize", "is \(standard.shortText), a function of its own")
    }
    let split: ModelVocabulary.Split
    switch options.saved("split") ?? .string("whitespace") {
    case .string("whitespace"): split = .whitespace
    case .string("character"): split = .characters
    case .null: split = .none
    case let other: throw options.unsupported("split", "is \(other.shortText), not supported")
    }
    let name = standard.string ?? ""
    return ModelVocabulary(
      tokens: try tokens(["", "[UNK]"], asset), unknown: 1, split: split,
      lowercases: name.hasPrefix("lower"), stripsPunctuation: name.hasSuffix("punctuation"))
  }

  /// The tokens by their ids, which begin with the special ones.
  private func tokens(
    _ special: [String], _ asset: (String) throws -> [UInt8]?
  ) throws -> [String] {
    var tokens: [String]
    if let list = options.value("vocabulary")?.array {
      tokens = list.compactMap(\.string)
      guard tokens.count == list.count else {
        throw options.unsupported("vocabulary", "holds something else than text")
      }
    } else if let bytes = try asset("vocabulary.txt") {
      tokens = String(decoding: bytes, as: UTF8.self)
        .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    } else {
      throw options.unsupported(
        "vocabulary", "is not in the file; save the model as .keras, or give the vocabulary")
    }
    guard tokens.count <= Self.tokenCountMax, Set(tokens).count == tokens.count else {
      throw options.unsupported("vocabulary", "has a token twice, or too many")
    }
    return tokens.starts(with: special) ? tokens : special + tokens
  }
}
