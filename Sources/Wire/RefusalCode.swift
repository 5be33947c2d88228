/// Why a message was refused; the names are the wire's.
package enum RefusalCode: String, Sendable, CaseIterable {
  case gap
  case conflict
  case fenced
  case alreadyOpen = "already-open"
  case closed
  case noStart = "no-start"
  case badHeader = "bad-header"
  case badLength = "bad-length"
  case badShape = "bad-shape"
  case badDType = "bad-dtype"
  case badName = "bad-name"
  case badText = "bad-text"
  case badToken = "bad-token"
  case notFinite = "not-finite"
  case tooLarge = "too-large"
  case tooManyStreams = "too-many-streams"
  case tooManySteps = "too-many-steps"
  case overCredit = "over-credit"
  case overLimit = "over-limit"
  case stateLost = "state-lost"
  /// The stream goes on at another daemon: `expected` is its ingress.
  case moved
  case version
  case stopping
  case `internal`

  /// Whether the same bytes may be accepted when they are sent again later.
  package var isRetryable: Bool {
    switch self {
    case .gap, .overCredit, .overLimit, .stopping, .tooManyStreams, .moved: true
    default: false
    }
  }
}
