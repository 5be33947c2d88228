import CZeroMQ

/// A received message, used again for the next one.
///
/// A part's bytes are read where libzmq put them. Small parts live inside the `zmq_msg_t` itself,
/// which therefore stands on the heap and never moves. Parts beyond the capacity are read and
/// thrown away but counted, so that a message of 10,000 parts costs no memory.
package struct Multipart: ~Copyable {
  package let capacity: Int
  /// Parts of the last message, also those beyond the capacity.
  package private(set) var partCount = 0
  private let messages: UnsafeMutablePointer<zmq_msg_t>

  package init(capacity: Int = 8) {
    self.capacity = capacity
    // One more than kept, for what is thrown away.
    messages = .allocate(capacity: capacity + 1)
    for index in 0...capacity { zmq_msg_init(messages + index) }
  }

  deinit {
    for index in 0...capacity { zmq_msg_close(messages + index) }
    messages.deallocate()
  }

  /// The bytes of a part, valid until the next receive into this message.
  ///
  /// Not aligned: libzmq hands out parts from the middle of its receive buffer.
  package func bytes(_ part: Int) -> UnsafeRawBufferPointer {
    precondition(part < min(partCount, capacity), "the message has \(partCount) parts")
    return UnsafeRawBufferPointer(
      start: zmq_msg_data(messages + part), count: zmq_msg_size(messages + part))
  }

  /// A part to be sent on without copying its bytes.
  package func shared(_ part: Int) -> SharedPart {
    precondition(part < min(partCount, capacity), "the message has \(partCount) parts")
    return SharedPart(messages + part)
  }

  /// The descriptor of the connection that a part came by, as `SocketEvent` names it; nil where
  /// libzmq does not tell (zmq_msg_get(3), ZMQ_SRCFD), as over inproc.
  package func sourceDescriptor(_ part: Int) -> Int32? {
    precondition(part < min(partCount, capacity), "the message has \(partCount) parts")
    let descriptor = zmq_msg_get(messages + part, ZMQ_SRCFD)
    return descriptor >= 0 ? descriptor : nil
  }

  package func string(_ part: Int) -> String { String(decoding: bytes(part), as: UTF8.self) }

  /// Reads all parts of one message; false when none is there and `wait` is not set.
  mutating func receive(
    from socket: UnsafeMutableRawPointer, flags: Int32
  ) throws(ZeroMQError) -> Bool {
    partCount = 0
    while true {
      let message = messages + min(partCount, capacity)
      // The parts of one message arrive together (zmq_msg_recv(3)): only the first can be missing.
      while zmq_msg_recv(message, socket, flags) < 0 {
        switch zmq_errno() {
        case EINTR: continue
        case EAGAIN: return false
        default: throw ZeroMQError("zmq_msg_recv")
        }
      }
      partCount += 1
      if zmq_msg_more(message) == 0 { return true }
    }
  }
}

extension Socket where Kind: Receives {
  /// Receives one whole message without waiting; false when none is there.
  package func receive(into message: inout Multipart) throws(ZeroMQError) -> Bool {
    let isThere = try message.receive(from: pointer, flags: ZMQ_DONTWAIT)
    phase.isQuiet = !isThere
    return isThere
  }
}
