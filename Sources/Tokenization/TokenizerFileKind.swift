/// What kind of tokenizer a file is of, told by its content.
package enum TokenizerFileKind: Sendable, Equatable {
  /// Keras' `Tokenizer.to_json()`.
  case kerasTokenizer
  /// The config of Keras' `TextVectorization`.
  case textVectorization
  /// A tokenizer.json of Hugging Face's `tokenizers`.
  case huggingFace
  /// A SentencePiece model.
  case sentencePiece
  /// `mean` and `std` of values.
  case scaling

  /// Nil for anything else; whether the tokenizer can be run is for its reader to say.
  package init?(of bytes: [UInt8]) {
    // A SentencePiece model begins with its first piece: field 1 of the message.
    // why try?: what cannot be read is of another kind.
    if bytes.first == 0x0A, bytes.count > 2, (try? SentencePieceModel(bytes: bytes)) != nil {
      self = .sentencePiece
      return
    }
    guard let tree = try? JSONTree(parsing: bytes), case .object(let members) = tree
    else { return nil }
    let values = Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    if case .text("Tokenizer") = values["class_name"] {
      self = .kerasTokenizer
    } else if case .text("TextVectorization") = values["class_name"] {
      self = .textVectorization
    } else if values["standardize"] != nil, values["output_mode"] != nil {
      self = .textVectorization
    } else if case .object = values["model"], values["added_tokens"] != nil {
      self = .huggingFace
    } else if values["mean"] != nil, values["std"] != nil {
      self = .scaling
    } else {
      return nil
    }
  }
}
