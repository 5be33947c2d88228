import Wire

/// Messages between stages that are about what a stream is, not about its steps.
///
/// They are data, in their place between a stream's other messages, and known by a dtype that steps do
/// not have there.
extension Header {
  /// A state to go on from, with START; with END the order to let go of a stream that is no more here.
  var carriesState: Bool { elementType == .uint8 }

  /// A question, with PEEK; a `StateQuestion`, whose number stands in `model`.
  var isQuestion: Bool { elementType == .json }

  /// Steps of data between stages.
  var stepCount: Int { carriesState || isQuestion ? 0 : Int(count) }

  /// The header of a message that carries bytes, or none.
  init(_ kind: MessageKind, state byteCount: Int, flags: MessageFlags) {
    self.init(kind: kind)
    self.flags = flags
    elementType = .uint8
    count = UInt32(byteCount)
    width = 1
  }
}
