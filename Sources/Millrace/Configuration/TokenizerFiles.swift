import Foundation
import ModelFiles
import Recurrence
import Tokenization

/// The file that `millrace init` takes a tokenizer from.
struct TokenizerFiles {
  /// Names that are looked for beside a model that takes tokens; NAME is the model's own.
  private static let namesBeside = [
    "NAME.tokenizer.json", "tokenizer.json", "NAME.vectorization.json", "vectorization.json",
    "NAME.model", "tokenizer.model", "spm.model", "sentencepiece.model",
  ]
  private static let scalingBeside = ["NAME.scaling.json", "scaling.json"]
  /// A vocabulary beside the config of a TextVectorization.
  private static let vocabularyBeside = ["NAME.txt", "vocabulary.txt"]
  private static let byteCountMax = 256 << 20

  let path: String
  let kind: TokenizerFileKind
  /// The tokens of a TextVectorization whose config has none.
  let vocabulary: String?
  /// For people, where the file was found and not named.
  let notice: String?

  /// The file that the options name, or one beside the model that fits it; nil where there is none.
  ///
  /// - Throws: a `BadLine` for a file that is no tokenizer's, a `TextFile.Failure` for one that is
  ///   missing.
  static func of(_ options: DraftOptions, model: LoadedModel) throws -> TokenizerFiles? {
    if let name = options.tokenizer, TokenizerSection.Kind(rawValue: name) == nil {
      return try TokenizerFiles(named: name, options)
    }
    guard options.tokenizer == nil, options.vocabulary == nil, options.frames == nil,
      model.vocabulary == nil
    else { return nil }
    let takesTokens = if case .tokens = model.model.input { true } else { false }
    let names = takesTokens ? Self.namesBeside : Self.scalingBeside
    guard let path = FilesBeside.first(of: names, beside: model.path),
      let bytes = Self.contents(path), let kind = TokenizerFileKind(of: bytes),
      (kind == .scaling) != takesTokens
    else { return nil }
    return TokenizerFiles(
      path: path, kind: kind,
      vocabulary: kind == .textVectorization ? Self.vocabulary(of: path) : nil,
      notice: "found \(path) beside the model: \(kind.text)")
  }

  private init(path: String, kind: TokenizerFileKind, vocabulary: String?, notice: String?) {
    self.path = path
    self.kind = kind
    self.vocabulary = vocabulary
    self.notice = notice
  }

  private init(named name: String, _ options: DraftOptions) throws {
    guard FileManager.default.fileExists(atPath: name) else {
      let kinds = TokenizerSection.Kind.allCases.map(\.rawValue)
      if let kind = NearestName.of(name, among: kinds) {
        throw BadLine("--tokenizer \(name): no kind and no file; did you mean \(kind)?")
      }
      throw TextFile.Failure.missing(
        path: name, expected: "a tokenizer's file, or a kind: " + kinds.joined(separator: ", "))
    }
    guard let bytes = Self.contents(name) else {
      throw BadLine(name, "cannot be read, or has more than \(Self.byteCountMax) bytes")
    }
    guard let kind = TokenizerFileKind(of: bytes) else {
      throw BadLine(
        name,
        "is no tokenizer that is known, expected a tokenizer.json, Keras' Tokenizer.to_json(), a "
          + "TextVectorization config or a SentencePiece model; name a list of tokens with "
          + "--vocabulary")
    }
    path = name
    self.kind = kind
    vocabulary =
      kind == .textVectorization ? options.vocabulary ?? Self.vocabulary(of: name) : nil
    notice = nil
    guard options.vocabulary == nil || kind == .textVectorization else {
      throw BadLine(name, "is \(kind.text), which has its tokens inside; leave out --vocabulary")
    }
  }

  private static func contents(_ path: String) -> [UInt8]? {
    let found = try? FileManager.default.attributesOfItem(atPath: path)  // why: it went away
    guard let size = found?[.size] as? Int, size <= byteCountMax else { return nil }
    return FileManager.default.contents(atPath: path).map { Array($0) }
  }

  private static func vocabulary(of path: String) -> String? {
    FilesBeside.first(of: vocabularyBeside, beside: path)
  }
}

extension TokenizerFileKind {
  /// For people.
  var text: String {
    switch self {
    case .kerasTokenizer: "Keras' Tokenizer"
    case .textVectorization: "a TextVectorization config"
    case .huggingFace: "a tokenizer.json of Hugging Face"
    case .sentencePiece: "a SentencePiece model"
    case .scaling: "mean and std of values"
    }
  }
}
