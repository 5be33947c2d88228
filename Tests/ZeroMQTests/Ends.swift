import ZeroMQ

/// Two connected sockets.
struct Ends: ~Copyable {
  let sender: Socket<Pair>
  let receiver: Socket<Pair>

  /// Binds the receiver and connects the sender, both in `context` so that `endpoint` may be inproc.
  ///
  /// - Parameters:
  ///   - context: of both.
  ///   - endpoint: bound by the receiver.
  ///   - sendMark: `ZMQ_SNDHWM` of the sender.
  ///   - receiveMark: `ZMQ_RCVHWM` of the receiver.
  /// - Throws: a `ZeroMQError`.
  init(
    _ context: Context, _ endpoint: String, sendMark: Int = 1000, receiveMark: Int = 1000
  ) throws {
    let receiver = try Socket<Pair>(context)
    try receiver.setReceiveHighWaterMark(receiveMark)
    try receiver.bind(endpoint)
    let sender = try Socket<Pair>(context)
    try sender.setSendHighWaterMark(sendMark)
    try sender.connect(endpoint)
    self.receiver = receiver
    self.sender = sender
  }
}
