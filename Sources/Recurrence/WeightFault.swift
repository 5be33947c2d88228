import CRecurrentKernels

/// What is wrong with the weights of one tensor.
enum WeightFault: Error {
  case unreadable(reason: String)
  /// `index` is the position in row-major order.
  case notFinite(index: Int, value: Float)

  /// The same, with the place.
  func error(_ layer: LayerPlace, _ tensor: String) -> ModelError {
    switch self {
    case .unreadable(let reason):
      .unreadableWeights(layer: layer, tensor: tensor, reason: reason)
    case .notFinite(let index, let value):
      .notFinite(layer: layer, tensor: tensor, index: index, value: "\(value)")
    }
  }
}

extension UnsafeBufferPointer<Float> {
  /// The first position of NaN or infinity; nil when all are numbers.
  var firstNotFinite: Int? {
    guard let baseAddress, !mr_all_finite(baseAddress, count) else { return nil }
    return firstIndex { !$0.isFinite }
  }
}
