import CZeroMQ

/// How a send without waiting ended.
package enum SendOutcome: Equatable, Sendable {
  case sent
  /// Every queue is at its high-water mark, or there is no peer.
  ///
  /// May still be told for about a millisecond after the peer has made room: a send without waiting
  /// looks for such news only that often (`socket_base_t::process_commands`, throttled).
  case wouldBlock
  /// ROUTER only, with `setRouterMandatory`: no such peer.
  case unreachable
}

extension Socket where Kind: Sends {
  /// Sends one part without waiting; the bytes are copied.
  ///
  /// Only the first part of a message can meet `.wouldBlock` or `.unreachable`: libzmq chooses the
  /// pipe there and takes the rest of the message whatever its mark (`lb_t::sendpipe`,
  /// `router_t::xsend`).
  package func send(
    _ bytes: UnsafeRawBufferPointer, more: Bool
  ) throws(ZeroMQError) -> SendOutcome {
    try send(bytes, flags: (more ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT)
  }

  /// Sends one part of text without waiting.
  package func send(_ text: String, more: Bool) throws(ZeroMQError) -> SendOutcome {
    let bytes = Array(text.utf8)
    let outcome = bytes.withUnsafeBytes { bytes in
      Result { () throws(ZeroMQError) in try send(bytes, more: more) }
    }
    return try outcome.get()
  }

  /// Sends one part, waiting while every queue is at its high-water mark.
  package func sendWaiting(
    _ bytes: UnsafeRawBufferPointer, more: Bool
  ) throws(ZeroMQError) {
    _ = try send(bytes, flags: more ? ZMQ_SNDMORE : 0)
  }

  private func send(
    _ bytes: UnsafeRawBufferPointer, flags: Int32
  ) throws(ZeroMQError) -> SendOutcome {
    phase.isQuiet = false
    while true {
      if zmq_send(pointer, bytes.baseAddress, bytes.count, flags) >= 0 { return .sent }
      switch zmq_errno() {
      case EAGAIN: return .wouldBlock
      case EHOSTUNREACH: return .unreachable
      case EINTR: continue
      default: throw ZeroMQError("zmq_send")
      }
    }
  }
}
