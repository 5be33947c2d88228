/// The tokens of a model that takes text: what its `StringLookup` or `TextVectorization` knows.
///
/// Such a layer is the tokenizer's work here: the model takes the ids that the layer would give. A
/// vocabulary file with these tokens, one a line, makes the same ids.
package struct ModelVocabulary: Sendable, Equatable, Codable {
  /// How the layer cuts a text.
  package enum Split: String, Sendable, Equatable, Codable {
    /// Each step is a token as it stands.
    case none
    case whitespace
    case characters
  }

  /// By their ids.
  package let tokens: [String]
  /// The id of a token that is not among them.
  package let unknown: Int
  package let split: Split
  /// Whether A to Z become small letters first.
  package let lowercases: Bool
  /// Whether punctuation is taken out first.
  package let stripsPunctuation: Bool

  /// For people: "6 tokens in the model, cut at white space, in small letters".
  package var text: String {
    let cut =
      switch split {
      case .none: ""
      case .whitespace: ", cut at white space"
      case .characters: ", cut into characters"
      }
    return "\(tokens.count) tokens in the model\(cut)"
      + (lowercases ? ", in small letters" : "")
      + (stripsPunctuation ? ", without punctuation" : "")
  }
}
