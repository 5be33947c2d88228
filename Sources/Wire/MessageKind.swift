/// What a message is for: byte 4 of the header.
package enum MessageKind: UInt8, Sendable, CaseIterable {
  case data = 1
  case acknowledge = 2
  case refuse = 3
  case hello = 4
  case welcome = 5
  case credit = 6
  case ping = 7
  case pong = 8
  case answer = 9
  /// About models, between stages only: `ModelMessage`.
  case models = 16

  /// The name in the friendly form.
  package var name: String {
    switch self {
    case .data: "data"
    case .acknowledge: "acknowledge"
    case .refuse: "refuse"
    case .hello: "hello"
    case .welcome: "welcome"
    case .credit: "credit"
    case .ping: "ping"
    case .pong: "pong"
    case .answer: "answer"
    case .models: "models"
    }
  }

  package init?(name: String) {
    guard let kind = MessageKind.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }

  /// Kinds 4 to 8 and 16 may come without a stream, and so may the refusal of one, or of a bad name.
  package var allowsEmptyStream: Bool { (3...8).contains(rawValue) || self == .models }
}
