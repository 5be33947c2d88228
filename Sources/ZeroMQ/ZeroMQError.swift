import CZeroMQ

/// A libzmq call that failed: its name, errno, and what it was about, captured at once.
package struct ZeroMQError: Error, Equatable, CustomStringConvertible {
  package let function: String
  package let code: Int32
  /// The endpoint or option; empty where there is none.
  package let subject: String

  /// Reads errno; call it right behind the failed call.
  init(_ function: String, _ subject: String = "") {
    self.function = function
    self.subject = subject
    code = zmq_errno()
  }

  init(_ function: String, _ subject: String, code: Int32) {
    self.function = function
    self.subject = subject
    self.code = code
  }

  /// Nobody is connected, and nobody will be: an inproc connection is not made anew.
  package static func noPeer(at endpoint: String) -> ZeroMQError {
    ZeroMQError("zmq_send", endpoint, code: EHOSTUNREACH)
  }

  package var isAddressInUse: Bool { code == EADDRINUSE }
  package var isContextTerminated: Bool { code == CZeroMQ.ETERM }

  package var description: String {
    let call = subject.isEmpty ? function : "\(function) \(subject)"
    return "\(call): \(reason)"
  }

  /// What libzmq says of the errno, and its number.
  package var reason: String { "\(String(cString: zmq_strerror(code))) (\(code))" }
}
