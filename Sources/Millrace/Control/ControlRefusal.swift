/// Why a request to the control socket was not done; nothing has changed then.
struct ControlRefusal: Error, Equatable {
  /// What a program looks at.
  enum Code: String {
    /// It is no request: not JSON, or a value of the wrong kind.
    case badRequest = "bad-request"
    case unknownVerb = "unknown-verb"
    case unknownKey = "unknown-key"
    /// A request, a file or a state of more bytes than there is room for.
    case tooLarge = "too-large"
    case noStream = "no-stream"
    /// A model file that cannot take the place of the one that serves.
    case modelRefused = "model-refused"
    /// The model file is not there, as the daemon looks for it.
    case noFile = "no-file"
    /// The stream has gone to another daemon.
    case moved
    /// A stream of that name is open.
    case exists = "already-open"
    /// A checkpoint file that is damaged, or none.
    case badFile = "bad-file"
    /// A checkpoint of another model, precision or tokenizer.
    case mismatch
    /// There is no store.
    case noStore = "no-store"
    /// There is nothing to rewind to.
    case noCheckpoint = "no-checkpoint"
    /// The stream is not on its way to another daemon.
    case notHeld = "not-held"
    /// Too much is asked for at once, or the stream is in the way; it may be asked again.
    case busy
    /// The daemon is stopping, or the stage that was asked has been started anew.
    case stopping
  }

  let code: Code
  /// What is wrong, and what to do.
  let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
