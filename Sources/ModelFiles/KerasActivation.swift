import Recurrence

/// Keras' activations by name, and as layers.
struct KerasActivation {
  let options: KerasOptions
  let kerasMajor: Int
  let path: String

  /// The activation an option names; `fallback` is the class's default if the option is missing.
  func option(_ key: String, default fallback: String) throws(ModelFileError) -> Activation {
    switch options.saved(key) {
    case nil: return try named(fallback, key)
    case .null: return .linear
    case .string(let name): return try named(name, key)
    case let value?:
      let className = value["class_name"]?.string ?? ""
      // A function in this form is the user's own, even if it has the name of one of Keras'.
      guard KerasActivation.layerClasses.contains(className),
        let layer = KerasLayer(value, weightGroup: "activation", kerasMajor: kerasMajor),
        layer.foreign == nil
      else {
        let name = value["config"]?.string.map { "\"\($0)\"" } ?? value.shortText
        throw options.unsupported(
          key, "\(name) is a function of its own, expected one of Keras' activations")
      }
      let inner = KerasOptions(layer, path: path)
      let activation = try KerasActivation(options: inner, kerasMajor: kerasMajor, path: path)
        .layer(className, lastAxis: nil)
      try KerasLayerReader.checkDtype(inner)
      try inner.refuseUnread()
      return activation
    }
  }

  /// Classes that `layer` knows.
  static let layerClasses: Set<String> = [
    "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "ThresholdedReLU",
  ]

  /// The activation that a layer of one of `layerClasses` is.
  ///
  /// `lastAxis` is the number of the last axis, nil if only -1 is sure to be it.
  func layer(_ className: String, lastAxis: Int?) throws(ModelFileError) -> Activation {
    switch className {
    case "Activation": return try option("activation", default: "linear")
    case "LeakyReLU":
      // Keras 1 and 2 call the slope alpha.
      let slope = try options.number("negative_slope")
      let alpha = try options.number("alpha")
      return .leakyRelu(negativeSlope: slope ?? alpha ?? 0.3)
    case "ELU": return .elu(alpha: try options.number("alpha") ?? 1)
    case "ThresholdedReLU":
      return .threshold(threshold: try options.number("theta") ?? 1, value: 0)
    case "Softmax":
      try checkLastAxis(lastAxis)
      return .softmax
    default:
      let limit = try options.number("max_value")
      let slope = try options.number("negative_slope") ?? 0
      let threshold = try options.number("threshold") ?? 0
      return limit == nil && slope == 0 && threshold == 0
        ? .relu : .limitedRelu(maxValue: limit, negativeSlope: slope, threshold: threshold)
    }
  }

  private func checkLastAxis(_ lastAxis: Int?) throws(ModelFileError) {
    guard let value = options.value("axis") else { return }
    let axes = value.array ?? [value]
    guard axes.count == 1, let axis = axes[0].int, axis == -1 || axis == lastAxis else {
      throw options.unsupported("axis", "is \(value.shortText), expected the last axis, -1")
    }
  }

  private func named(_ name: String, _ key: String) throws(ModelFileError) -> Activation {
    switch name {
    case "linear": .linear
    case "tanh": .tanh
    case "sigmoid": .sigmoid
    // Keras 1 and 2: clip(0.2 x + 0.5, 0, 1); Keras 3: relu6(x + 3) / 6.
    case "hard_sigmoid": kerasMajor >= 3 ? .hardSigmoid : .hardSigmoidKeras2
    case "relu": .relu
    case "relu6": .relu6
    case "leaky_relu": .leakyRelu(negativeSlope: 0.2)
    case "elu": .elu(alpha: 1)
    case "selu": .selu
    case "celu": .celu(alpha: 1)
    case "softplus": .softplus
    case "softsign": .softsign
    case "exponential": .exponential
    case "gelu": .gelu
    case "silu", "swish": .silu
    case "hard_silu", "hard_swish": .hardSilu
    case "mish": .mish
    case "hard_tanh": .hardTanh
    case "tanh_shrink": .tanhShrink
    case "soft_shrink": .softShrink(threshold: 0.5)
    case "hard_shrink": .hardShrink(threshold: 0.5)
    case "squareplus": .squareplus(b: 4)
    case "sparse_plus": .sparsePlus
    case "sparse_sigmoid": .sparseSigmoid
    case "log_sigmoid": .logSigmoid
    case "softmax": .softmax
    case "log_softmax": .logSoftmax
    default:
      throw options.unsupported(key, "the activation \"\(name)\" is not supported")
    }
  }
}
