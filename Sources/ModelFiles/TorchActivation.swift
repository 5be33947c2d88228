import Recurrence

/// PyTorch's activation modules by their kind in a layers file: the class name in small letters.
struct TorchActivation {
  let options: TorchOptions
  let weights: TorchWeights

  /// Nil for a kind that is no activation.
  func activation() throws(ModelFileError) -> Activation? {
    switch options.kind {
    case "tanh": return .tanh
    case "sigmoid": return .sigmoid
    case "relu": return .relu
    case "relu6": return .relu6
    case "selu": return .selu
    case "silu": return .silu
    case "mish": return .mish
    case "softsign": return .softsign
    case "tanhshrink": return .tanhShrink
    case "logsigmoid": return .logSigmoid
    // Both are made of relu6(x + 3) / 6.
    case "hardsigmoid": return .hardSigmoid
    case "hardswish": return .hardSilu
    default: return try withOptions()
    }
  }

  private func withOptions() throws(ModelFileError) -> Activation? {
    switch options.kind {
    case "softmax":
      try checkDimension()
      return .softmax
    case "log_softmax":
      try checkDimension()
      return .logSoftmax
    case "leaky_relu":
      return .leakyRelu(negativeSlope: try options.number("negative_slope", default: 0.01))
    case "elu": return .elu(alpha: try options.number("alpha", default: 1))
    case "celu": return .celu(alpha: try options.number("alpha", default: 1))
    case "softshrink": return .softShrink(threshold: try options.number("lambd", default: 0.5))
    case "hardshrink": return .hardShrink(threshold: try options.number("lambd", default: 0.5))
    case "threshold":
      return .threshold(
        threshold: try options.number("threshold", default: 0),
        value: try options.number("value", default: 0))
    case "hardtanh":
      let least = try options.number("min_val", default: -1)
      let most = try options.number("max_val", default: 1)
      if least == 0 { return .limitedRelu(maxValue: most, negativeSlope: 0, threshold: 0) }
      try require("min_val", least, is: -1)
      try require("max_val", most, is: 1)
      return .hardTanh
    case "softplus":
      try require("beta", try options.number("beta", default: 1), is: 1)
      // Above the threshold PyTorch gives x itself; from 20 on that is the same float.
      let threshold = try options.number("threshold", default: 20)
      guard threshold >= 20 else {
        throw options.unsupported("threshold", "is \(threshold), expected 20")
      }
      return .softplus
    case "gelu":
      let approximate = try options.text("approximate", default: "none")
      guard ["none", "tanh"].contains(approximate) else {
        throw options.unsupported("approximate", "is \"\(approximate)\", expected none or tanh")
      }
      return approximate == "tanh" ? .geluApproximate : .gelu
    case "prelu":
      let name = options.prefix.map { "\($0).weight" } ?? "weight"
      let slopes = try weights.vector(name, count: nil)
      guard slopes.count == 1 else {
        throw options.unsupported(
          nil, "has a slope for each of \(slopes.count) channels, expected one for all")
      }
      return .leakyRelu(negativeSlope: slopes[0])
    default: return nil
    }
  }

  private func require(
    _ option: String, _ value: Float, is expected: Float
  ) throws(ModelFileError) {
    guard value == expected else {
      throw options.unsupported(option, "is \(value), expected \(expected)")
    }
  }

  /// A row has one axis here; the last is the one of its values.
  private func checkDimension() throws(ModelFileError) {
    guard let value = options.value("dim") else { return }
    guard value.int == -1 || value.int == 2 else {
      throw options.unsupported("dim", "is \(value.shortText), expected the last, -1")
    }
  }
}
