import Wire

/// What the tokenizer stage shows of the input.
extension TokenizerLoop {
  /// Publishes what was applied of a client's message under `tap/tokenizer/input/NAME/`.
  ///
  /// The header is the client's, from the first element that was new, with START where a life began;
  /// `input` is the first step that was not made yet.
  func tapInput(
    _ message: InboundMessage, skip: Int, begins: Bool, of stream: IngressStream
  ) {
    guard let tap, let topic = tap.topic("input", stream: stream.id) else { return }
    var header = message.header
    header.number += UInt64(skip)
    header.count -= UInt32(skip)
    header.input = stream.nextStep
    header.model = 0
    if begins { header.flags.insert(.start) } else { header.flags.remove(.start) }
    tap.publish(
      topic, life: UInt64(stream.life), header: header,
      payload: UnsafeRawBufferPointer(
        rebasing: message.payload.dropFirst(skip * elementBytes(of: header))),
      ids: .init(start: nil, count: 0))
  }
}
