import CZeroMQ

/// A part that several sockets send without a copy for each: libzmq counts who still has its bytes, and
/// the last one frees them (zmq_msg_copy(3)).
///
/// Memory that one thread allocates and another one frees is what threads wait for each other for.
package final class SharedPart {
  fileprivate var message = zmq_msg_t()

  /// Copies bytes, once for all who send them; nil where the system has no memory for them.
  package init?(copying bytes: UnsafeRawBufferPointer) {
    guard zmq_msg_init_size(&message, bytes.count) == 0 else {
      zmq_msg_init(&message)
      return nil
    }
    guard let start = bytes.baseAddress else { return }
    zmq_msg_data(&message).copyMemory(from: start, byteCount: bytes.count)
  }

  /// Another hold on a part that was received; it outlives the message.
  init(_ part: UnsafeMutablePointer<zmq_msg_t>) {
    zmq_msg_init(&message)
    zmq_msg_copy(&message, part)
  }

  deinit { zmq_msg_close(&message) }
}

extension Socket where Kind: Sends {
  /// Sends a part without waiting and without copying; as `send` of bytes.
  package func send(_ part: SharedPart, more: Bool) throws(ZeroMQError) -> SendOutcome {
    phase.isQuiet = false
    var message = zmq_msg_t()
    zmq_msg_init(&message)
    zmq_msg_copy(&message, &part.message)
    while zmq_msg_send(&message, pointer, (more ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) < 0 {
      let code = zmq_errno()
      guard code != EINTR else { continue }
      zmq_msg_close(&message)
      switch code {
      case EAGAIN: return .wouldBlock
      case EHOSTUNREACH: return .unreachable
      default: throw ZeroMQError("zmq_msg_send", "", code: code)
      }
    }
    return .sent
  }
}
