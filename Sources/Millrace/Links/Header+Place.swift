import Wire

/// A place between two messages to a worker: a stream's life, and how many of its messages lie before.
struct MessagePlace: Comparable, Hashable {
  /// Lives have numbers that grow over all streams and restarts.
  var life: UInt64 = 0
  var messages: UInt64 = 0

  static func < (left: MessagePlace, right: MessagePlace) -> Bool {
    (left.life, left.messages) < (right.life, right.messages)
  }
}

/// What the links between stages put into a header's `input` and `model`.
extension Header {
  private static let againBit: UInt64 = 1 << 63
  private static let replayBit: UInt64 = 1 << 62
  /// Of `model`: 40 bits for the place, 22 for the generation.
  private static let placeBits: UInt64 = 40
  private static let placeMask: UInt64 = 1 << placeBits - 1
  package static let generationMax: UInt64 = 1 << 22 - 1
  private static let generationMask: UInt64 = generationMax << placeBits

  /// Of data: where the message begins.
  var place: MessagePlace {
    get { MessagePlace(life: input, messages: model & Header.placeMask) }
    set {
      input = newValue.life
      model = model & ~Header.placeMask | newValue.messages & Header.placeMask
    }
  }

  /// Of data: the model that is to take its steps.
  var generation: UInt64 {
    get { (model & Header.generationMask) >> Header.placeBits }
    set { model = model & ~Header.generationMask | newValue << Header.placeBits }
  }

  /// Of data: whether it was sent before and its answers have reached the client, so that only the
  /// sink is still to have them.
  var isAgain: Bool {
    get { model & Header.againBit != 0 }
    set { model = newValue ? model | Header.againBit : model & ~Header.againBit }
  }

  /// Of data: whether it was sent before, so that the store may know more of the stream.
  var isReplayed: Bool {
    get { model & Header.replayBit != 0 }
    set { model = newValue ? model | Header.replayBit : model & ~Header.replayBit }
  }

  /// Of an acknowledgement from a worker: whether it asks for leave to save a state, which is given
  /// once the answers before it have somebody to go to.
  var asksLeave: Bool {
    get { model & Header.againBit != 0 }
    set { model = newValue ? Header.againBit : 0 }
  }

  /// Of leave to save a state, from the tokenizer stage: whether it is to be saved at once, for that stage
  /// is about to end.
  var isUrgent: Bool {
    get { model & Header.againBit != 0 }
    set { model = newValue ? Header.againBit : 0 }
  }

  /// What an answer costs on the link to the sink: a bare end counts too, so that credit says that it
  /// was written.
  var sinkUnits: UInt64 { max(1, UInt64(count)) }
}
