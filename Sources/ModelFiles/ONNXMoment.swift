/// A step on the way to a layer normalization that is written out in operators.
///
/// Before `LayerNormalization` came (version 17), exporters wrote its equations: PyTorch
/// `(x - mean) / sqrt(variance + epsilon)`, TensorFlow `x * s + (beta - mean * s)` with
/// `s = gamma / sqrt(variance + epsilon)`.
struct ONNXMoment {
  enum Kind {
    case mean
    case negatedMean
    /// `x - mean`.
    case centered
    case squared
    case variance
    /// `variance + epsilon`.
    case shifted
    /// Its square root.
    case deviation
    /// `gamma / deviation`.
    case scale
    /// `x * scale`.
    case scaled
    /// `beta - mean * scale`.
    case offset
  }

  var kind: Kind
  /// The rows that are normalized.
  var rows: ONNXRows
  var epsilon: Float = 0
  var gamma: [Float]?
  var beta: [Float]?

  func with(_ kind: Kind) -> ONNXMoment {
    var moment = self
    moment.kind = kind
    return moment
  }
}
