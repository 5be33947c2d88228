import CZeroMQ

/// Why a connection did not come about, as either side sees it.
package enum HandshakeTrouble: Equatable, Sendable {
  /// A key was not let in; the authenticator's status.
  case refused(status: UInt32)
  /// One side speaks CURVE, the other does not.
  case mechanism
  /// Something came that was encrypted for another key.
  case cryptographic
  /// The peer broke ZMTP.
  case broken(error: UInt32)
  /// The peer went or kept silent; an errno.
  case unfinished(code: Int32)

  /// Nil for an event that is no trouble.
  package init?(_ event: SocketEvent.Kind) {
    switch event {
    case .handshakeRefused(let status): self = .refused(status: status)
    case .handshakeBrokeProtocol(let error):
      switch Int32(bitPattern: error) {
      case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH: self = .mechanism
      case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC: self = .cryptographic
      default: self = .broken(error: error)
      }
    case .handshakeFailed(let code): self = .unfinished(code: code)
    default: return nil
    }
  }
}
