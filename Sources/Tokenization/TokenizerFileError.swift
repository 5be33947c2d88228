/// Why a tokenizer's file cannot be used; keys are paths from the top of the file.
package enum TokenizerFileError: Error, Equatable, CustomStringConvertible {
  case notJSON(String)
  /// With the library's reason.
  case notSentencePiece(String)
  case missing(_ key: String, _ advice: String = "")
  /// A key of the wrong kind, or whose value contradicts others.
  case malformed(_ key: String, _ what: String)
  /// Something that the format allows and this version does not do.
  case unsupported(_ key: String, _ what: String)

  package var description: String {
    switch self {
    case .notJSON(let reason): "is not JSON (\(reason))"
    case .notSentencePiece(let reason): "is no SentencePiece model (\(reason))"
    case .missing(let key, let advice): "has no \"\(key)\"\(advice)"
    case .malformed(let key, let what): "\"\(key)\" \(what)"
    case .unsupported(let key, let what): "not supported: \"\(key)\" \(what)"
    }
  }
}
