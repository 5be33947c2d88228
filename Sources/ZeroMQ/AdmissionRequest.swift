/// Who asks to come in, as libzmq tells the authenticator (ZAP 1.0, RFC 27).
package struct AdmissionRequest: Sendable, Equatable {
  /// The domain of the socket that was connected to.
  package let domain: String
  /// The peer's IP address; empty over ipc.
  package let address: String
  /// Nil where the connection is not encrypted.
  package let key: CurveKey?

  package enum Verdict: Sendable, Equatable {
    case admit
    /// The peer is told so and gives up.
    case deny
    /// The peer is disconnected, and may try again.
    case denyForNow
  }

  package init(domain: String, address: String, key: CurveKey?) {
    self.domain = domain
    self.address = address
    self.key = key
  }

  /// Reads the parts of a request behind the delimiter: version, request id, domain, address,
  /// identity, mechanism, credentials; nil for a mechanism that nobody here uses.
  init?(_ message: borrowing Multipart) {
    guard message.partCount >= 8, message.string(2) == "1.0" else { return nil }
    domain = message.string(4)
    address = message.string(5)
    switch (message.string(7), message.partCount) {
    case ("NULL", 8): key = nil
    case ("CURVE", 9):
      guard let key = CurveKey(bytes: message.bytes(8)) else { return nil }
      self.key = key
    default: return nil
    }
  }
}
