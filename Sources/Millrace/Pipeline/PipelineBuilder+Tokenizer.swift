import Foundation
import Tokenization

extension PipelineBuilder {
  /// The tokenizer of text that the file asks for.
  ///
  /// - Throws: a `ConfigurationError` at the tokenizer's key.
  func tokenizer() throws -> TextTokenizer {
    let section = file.tokenizer
    let unknown: TextTokenizer.Unknown =
      switch section.unknown {
      case .id(let id): .id(id)
      case .refuse: .refuse
      case .skip: .skip
      case .asTrained: .asTrained
      }
    let (kind, vocabulary) = try tokenizerKind(section)
    return TextTokenizer(
      vocabulary: vocabulary, kind: kind, unknown: unknown, startToken: section.startToken,
      replacesInvalid: section.invalidText == .replace)
  }

  private func tokenizerKind(
    _ section: TokenizerSection
  ) throws -> (TextTokenizer.Kind, Vocabulary) {
    switch section.kind {
    case .bytes: return (.bytes, try bytes(section))
    case .words: return (words(section), try vocabulary())
    case .kerasTokenizer, .textVectorization, .huggingFace, .sentencePiece:
      let rule = try segmentTokenizer(section)
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

  private func segmentTokenizer(_ section: TokenizerSection) throws -> any SegmentTokenizer {
    let path = section.file ?? ""
    do {
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
