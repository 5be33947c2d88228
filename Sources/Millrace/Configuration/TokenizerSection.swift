import Tokenization

/// The `tokenizer` key: how a client's payload becomes steps.
package struct TokenizerSection: Sendable, Equatable {
  package enum Kind: String, CaseIterable, Sendable {
    case characters
    case words
    /// One token a byte.
    case bytes
    /// Keras' `Tokenizer`.
    case kerasTokenizer = "keras-tokenizer"
    /// Keras' `TextVectorization`.
    case textVectorization = "text-vectorization"
    /// A tokenizer.json of Hugging Face's `tokenizers`.
    case huggingFace = "huggingface"
    /// A SentencePiece model.
    case sentencePiece = "sentencepiece"
    /// Token ids, as they are.
    case ids
    /// Token ids, for a model that takes vectors.
    case oneHot = "one-hot"
    /// Vectors of numbers.
    case values
    /// Images of bytes.
    case frames

    /// Whether a newline between lines of plain text is a part of it: the end of a word.
    var readsNewlines: Bool {
      switch self {
      case .words, .kerasTokenizer, .textVectorization, .huggingFace, .sentencePiece: true
      case .characters, .bytes, .ids, .oneHot, .values, .frames: false
      }
    }
  }

  package enum Unknown: Sendable, Equatable {
    case id(Int32)
    case refuse
    case skip
    /// As the tokenizer's own file says.
    case asTrained
  }

  package enum Normalization: String, CaseIterable, Sendable {
    case hangul
    case nfc
    case none
  }

  package enum InvalidText: String, CaseIterable, Sendable {
    case refuse
    case replace
  }

  package enum Split: String, CaseIterable, Sendable {
    case space
    case whitespace
  }

  package var kind = Kind.values
  /// The file of a tokenizer that was trained elsewhere.
  package var file: String?
  /// Whether its special tokens stand at the start and the end of a text.
  package var addsSpecialTokens = true
  /// Tokens in the order of their ids; read from the file that `vocabulary` names, or listed.
  package var vocabularyFile: String?
  package var vocabulary: [String]?
  package var firstID: Int32 = 0
  package var unknown = Unknown.refuse
  package var startToken: Int32?
  package var normalization = Normalization.hangul
  package var invalidText = InvalidText.refuse
  package var lowercase = true
  /// Whether punctuation is taken out of words.
  package var stripsPunctuation = false
  package var filters: String?
  package var split = Split.whitespace
  package var oneHot: Bool?
  package var mean: ValueScaling.Factor?
  package var scale: ValueScaling.Factor?
  package var scalingFile: String?
  package var missing = ValueFeatures.Missing.refuse
  package var lags: [Int] = []
  package var differences: [Int] = []
  /// Whether the row itself is among its features.
  package var keepsCurrent = true
  package var beginning = ValueFeatures.Beginning.skip
  package var resampling: ValueFeatures.Resampling?
  /// Height, width and channels of a frame.
  package var shape: [Int] = []
  package var isGrey = false
}
