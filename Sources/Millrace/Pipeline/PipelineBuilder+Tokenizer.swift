import Foundation
import ModelFiles
import Tokenization

extension PipelineBuilder {
  /// The tokenizer of text that the file asks for; `own` is what the model itself knows of text.
  ///
  /// - Throws: a `ConfigurationError` at the tokenizer's key.
  func tokenizer(_ own: ModelVocabulary?) throws -> TextTokenizer {
    let section = file.tokenizer
    let unknown: TextTokenizer.Unknown =
      switch section.unknown {
      case .id(let id): .id(id)
      case .refuse: .refuse
      case .skip: .skip
      case .asTrained: .asTrained
      }
    let (kind, vocabulary) = try tokenizerKind(section, own)
    return TextTokenizer(
      vocabulary: vocabulary, kind: kind, unknown: unknown, startToken: section.startToken,
      replacesInvalid: section.invalidText == .replace)
  }

  private func tokenizerKind(
    _ section: TokenizerSection, _ own: ModelVocabulary?
  ) throws -> (TextTokenizer.Kind, Vocabulary) {
    switch section.kind {
    case .bytes: return (.bytes, try bytes(section))
    case .words: return (words(section), try vocabulary())
    case .kerasTokenizer, .textVectorization, .huggingFace, .sentencePiece:
      let rule = try segmentTokenizer(section, own)
      return (.segments(rule), rule.vocabulary)
    case .characters, .ids, .oneHot, .values, .frames:
      let normalization: TextTokenizer.Normalization =
        switch section.normalization {
        case .hangul: .hangul
        case .nfc: .nfc
        case .none: .none
        }
      return (.characters(normalization), try vocabulary())
    }
  }

  private func words(_ section: TokenizerSection) -> TextTokenizer.Kind {
    // Where punctuation is taken out, it separates nothing unless it is asked to.
    let filters: Set<Unicode.Scalar> =
      section.stripsPunctuation ? ["\t", "\n"] : TextTokenizer.kerasFilters
    return .words(
      lowercase: section.lowercase,
      filters: section.filters.map { Set($0.unicodeScalars) } ?? filters,
      removed: section.stripsPunctuation ? TextTokenizer.kerasPunctuation : [],
      split: section.split == .space ? .space : .whitespace)
  }

  private func bytes(_ section: TokenizerSection) throws(ConfigurationError) -> Vocabulary {
    do {
      return try Vocabulary.bytes(firstID: section.firstID)
    } catch {
      throw file.error(at: "tokenizer", "\(error)")
    }
  }

  private func segmentTokenizer(
    _ section: TokenizerSection, _ own: ModelVocabulary?
  ) throws -> any SegmentTokenizer {
    let path = section.file ?? file.model
    do {
      if section.file == nil { return try vectorization(of: own) }
      switch section.kind {
      case .kerasTokenizer: return try KerasTokenizer(json: contents(of: path))
      case .huggingFace:
        return try HuggingFaceTokenizer(
          json: contents(of: path), addsSpecialTokens: section.addsSpecialTokens)
      case .sentencePiece: return try SentencePieceTokenizer(bytes: contents(of: path))
      default:
        let own = try section.vocabularyFile.map { try contents(of: $0) }
        return try TextVectorizationTokenizer(config: contents(of: path), vocabulary: own)
      }
    } catch let error as TokenizerFileError {
      throw file.error(at: "tokenizer", "\(path): \(error)")
    }
  }

  /// The model's own TextVectorization, for a file that names none.
  private func vectorization(of own: ModelVocabulary?) throws -> TextVectorizationTokenizer {
    guard let own else {
      throw file.error(
        at: "tokenizer",
        "names no file, and the model has no TextVectorization; add file: CONFIG.json")
    }
    let split: TextVectorizationTokenizer.Split =
      switch own.split {
      case .none: .whole
      case .whitespace: .whitespace
      case .characters: .character
      }
    return try TextVectorizationTokenizer(
      tokens: own.tokens, unknown: own.unknown, split: split, lowercases: own.lowercases,
      stripsPunctuation: own.stripsPunctuation)
  }

  private func contents(of path: String) throws(ConfigurationError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw file.error(at: "tokenizer", "names \(path), which cannot be read")
    }
    return Array(data)
  }

  private func vocabulary() throws -> Vocabulary {
    let section = file.tokenizer
    do {
      if let tokens = section.vocabulary {
        return try Vocabulary(tokens: tokens, firstID: section.firstID)
      }
    } catch {
      throw file.error(at: "tokenizer", "vocabulary in the file: \(error)")
    }
    return try readVocabulary(section.vocabularyFile ?? "", section.firstID)
  }
}
