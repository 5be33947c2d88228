import Glibc
import ZeroMQ

extension HandshakeTrouble {
  /// What one who connects makes of it.
  var ownWords: String {
    switch self {
    case .refused(status: 400):
      "our key is not let in: it is not among the clients, or may not do this"
    case .refused(let status): "it has no room for more connections, or fails (\(status))"
    case .mechanism:
      "one side speaks CURVE and the other does not; see curve in the pipeline file, "
        + "--client-key and --server-key"
    case .cryptographic, .unfinished(EPIPE), .unfinished(ECONNRESET):
      "it ends the handshake; is --server-key its public key?"
    case .broken(let error): "it broke ZMTP: 0x\(String(error, radix: 16))"
    case .unfinished(let code): "\(String(cString: strerror(code))) (\(code))"
    }
  }

  /// Whether it can only be a matter of keys, or of room.
  var isOfKeys: Bool {
    switch self {
    case .refused, .mechanism, .cryptographic, .unfinished(EPIPE), .unfinished(ECONNRESET): true
    case .broken, .unfinished: false
    }
  }

  /// Whether trying again is no use.
  var isFinal: Bool { self == .refused(status: 400) || self == .mechanism }
}
