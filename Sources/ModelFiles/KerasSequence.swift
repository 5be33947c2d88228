import Recurrence

/// What is known of the values between two layers.
struct KerasSequence {
  /// Whether there is a row for every step; false behind a layer that gives its last answer only.
  var isSequence = true
  /// Values of each row, where known.
  var width: Int?
  /// Whether some steps are masked.
  var isMasked = false

  /// The number of the last axis: 0 is the batch, 1 the steps of a sequence.
  var lastAxis: Int { isSequence ? 2 : 1 }

  mutating func pass(_ layer: Layer) {
    width = layer.outputWidth ?? width
    switch layer {
    case .embedding(let embedding): isMasked = embedding.maskZero
    case .masking: isMasked = true
    case .simpleRNN(let cell): end(unless: cell.returnSequences)
    case .gru(let cell): end(unless: cell.returnSequences)
    case .lstm(let cell): end(unless: cell.returnSequences)
    case .repeatVector: isSequence = true
    case .globalPooling1D: end(unless: false)
    default: break
    }
  }

  private mutating func end(unless returnSequences: Bool) {
    guard !returnSequences else { return }
    isSequence = false
    isMasked = false
  }
}
