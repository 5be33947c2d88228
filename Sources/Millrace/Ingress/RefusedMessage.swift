import Tokenization
import Wire

/// Thrown on a message's way in; the client gets it as a refusal and other streams go on.
struct RefusedMessage: Error {
  let refusal: Refusal

  init(_ code: RefusalCode, expected: String, received: String, message: String) {
    refusal = Refusal(code, expected: expected, received: received, message: message)
  }

  init(_ error: TokenizerRefusal) {
    switch error {
    case .invalidText:
      self.init(.badText, expected: "UTF-8", received: "other bytes", message: "\(error)")
    case .unknownToken(let token, _):
      self.init(
        .badToken, expected: "a token of the vocabulary", received: String(token.prefix(80)),
        message: "\(error); set tokenizer.unknown to an id or to skip to let it pass")
    case .wordTooLong(let limit, _):
      self.init(
        .badToken, expected: "at most \(limit) characters", received: "more", message: "\(error)")
    }
  }
}

extension StreamSequence {
  /// What a refusal tells its reader to do.
  static func explanation(
    of code: RefusalCode, expected: UInt64, stream: StreamID
  ) -> String {
    switch code {
    case .gap: "numbers are missing; send again from \(expected)"
    case .fenced: "a producer with a higher epoch has taken over \(stream)"
    case .alreadyOpen: "\(stream) is open at \(expected); END it first, or use a higher epoch"
    case .closed: "\(stream) has ended at \(expected); send START to begin it anew"
    case .noStart: "\(stream) is unknown; begin at number 0, or send START"
    default: code.rawValue
    }
  }
}
