import Recurrence

/// Turns one Keras layer into ours, or says by name why it cannot be stepped.
struct KerasLayerReader {
  let layer: KerasLayer
  let kerasMajor: Int
  let path: String

  private var configuration: [String: Any] { layer.configuration }

  /// Layers that do nothing when a trained model answers.
  private static let inert: Set<String> = [
    "Dropout", "SpatialDropout1D", "GaussianDropout", "GaussianNoise", "AlphaDropout",
    "ActivityRegularization", "Identity", "InputLayer",
  ]

  /// Nil for a layer that does nothing here.
  func layer(tensors: () throws -> [HDF5File.Tensor]) throws -> Layer? {
    if KerasLayerReader.inert.contains(layer.className) { return nil }
    try checkOptions()
    switch layer.className {
    case "TimeDistributed": return try timeDistributed(tensors)
    case "Bidirectional":
      throw unsupported("the backward half needs the end of the sequence: not streamable")
    case "Masking":
      return .masking(Masking(name: layer.name, maskValue: try number("mask_value") ?? 0))
    case "RepeatVector":
      guard let count = configuration["n"] as? Int else { throw unsupported("\"n\" is missing") }
      return .repeatVector(RepeatVector(name: layer.name, count: count))
    case "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax":
      return .activation(ActivationLayer(name: layer.name, activation: try activationOfLayer()))
    default: break
    }
    let tensors = KerasTensors(try tensors(), layer: layer, path: path)
    switch layer.className {
    case "Embedding": return try embedding(tensors)
    case "SimpleRNN": return try simpleRNN(tensors)
    case "GRU": return try gru(tensors)
    case "LSTM": return try lstm(tensors)
    case "Dense": return try dense(tensors)
    case "Conv1D": return try conv1D(tensors)
    case "BatchNormalization": return try batchNormalization(tensors)
    case "LayerNormalization": return try layerNormalization(tensors)
    default:
      throw unsupported(
        "this kind of layer is not supported; supported are Embedding, Masking, SimpleRNN, GRU, "
          + "LSTM, Dense, TimeDistributed, Conv1D, normalization, activation, dropout, RepeatVector"
      )
    }
  }

  private func unsupported(_ reason: String) -> ModelFileError {
    .unsupported(path: path, layer: layer.title, reason: reason)
  }

  // MARK: Options

  /// Options that would change the numbers.
  private func checkOptions() throws(ModelFileError) {
    if flag("go_backwards") {
      throw unsupported("go_backwards needs the end of the sequence: not streamable")
    }
    if flag("return_state") { throw unsupported("return_state gives more than one output") }
    if flag("time_major") { throw unsupported("time_major is not supported") }
    if let quantization = configuration["quantization_config"], !isNull(quantization) {
      throw unsupported("it is quantized; save it in float32")
    }
    let type = configuration["dtype"]
    let name =
      type as? String ?? ((type as? [String: Any])?["config"] as? [String: Any])?["name"] as? String
    if let name, name != "float32", !name.hasPrefix("int") {
      throw unsupported("its dtype is \(name), expected float32")
    }
  }

  private func isNull(_ value: Any) -> Bool { "\(type(of: value))" == "NSNull" }

  private func flag(_ key: String, default fallback: Bool = false) -> Bool {
    configuration[key] as? Bool ?? fallback
  }

  private func number(_ key: String) throws(ModelFileError) -> Float? {
    guard let value = configuration[key], !isNull(value) else { return nil }
    if let value = value as? Double { return Float(value) }
    if let value = value as? Int { return Float(value) }
    throw unsupported("\"\(key)\" is not a number")
  }

  private func units() throws(ModelFileError) -> Int {
    guard let units = configuration["units"] as? Int, units > 0 else {
      throw unsupported("\"units\" is missing")
    }
    return units
  }

  /// An activation by its name; `fallback` is the class's default of that Keras version.
  private func activation(_ key: String, default fallback: String) throws(ModelFileError)
    -> Activation
  {
    guard let value = configuration[key] else { return try named(fallback, key) }
    if isNull(value) { return .linear }
    // Keras 3 may write a function as {"class_name": "function", "config": "relu"}.
    let name = value as? String ?? (value as? [String: Any])?["config"] as? String
    guard let name else { throw unsupported("\"\(key)\" is not one of Keras' own activations") }
    return try named(name, key)
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
    default: throw unsupported("the activation \"\(name)\" (\(key)) is not supported")
    }
  }

  private func activationOfLayer() throws(ModelFileError) -> Activation {
    switch layer.className {
    case "Activation": return try activation("activation", default: "linear")
    case "LeakyReLU":
      // Keras 2 calls the slope alpha.
      let older = try number("alpha")
      return .leakyRelu(negativeSlope: try number("negative_slope") ?? older ?? 0.3)
    case "ELU": return .elu(alpha: try number("alpha") ?? 1)
    case "Softmax":
      guard lastAxis("axis") else {
        throw unsupported("softmax runs over another axis than the last")
      }
      return .softmax
    default:
      let limit = try number("max_value")
      let slope = try number("negative_slope") ?? 0
      let threshold = try number("threshold") ?? 0
      return limit == nil && slope == 0 && threshold == 0
        ? .relu : .limitedRelu(maxValue: limit, negativeSlope: slope, threshold: threshold)
    }
  }

  private func lastAxis(_ key: String) -> Bool {
    guard let value = configuration[key] else { return true }
    let axis = value as? Int ?? (value as? [Int])?.first
    return axis == -1 || axis == 2
  }

  // MARK: Wrapped layers

  private func timeDistributed(_ tensors: () throws -> [HDF5File.Tensor]) throws -> Layer? {
    guard let inner = layer.inner?.layer else { throw unsupported("wraps nothing") }
    guard !inner.isRecurrent, inner.className != "Conv1D", inner.className != "Bidirectional" else {
      throw unsupported("wraps a \(inner.className), whose steps are not the stream's")
    }
    return try KerasLayerReader(layer: inner, kerasMajor: kerasMajor, path: path)
      .layer(tensors: tensors)
  }

  // MARK: Layers with weights

  private func embedding(_ tensors: KerasTensors) throws -> Layer {
    let table = try tensors.matrix(0, "embeddings")
    return .embedding(
      Embedding(name: layer.name, embeddings: table, maskZero: flag("mask_zero")))
  }

  private func simpleRNN(_ tensors: KerasTensors) throws -> Layer {
    let units = try units()
    return .simpleRNN(
      SimpleRNNCell(
        name: layer.name, units: units,
        kernel: try tensors.matrix(0, "kernel", columns: units),
        recurrentKernel: try tensors.matrix(1, "recurrent_kernel", rows: units, columns: units),
        bias: flag("use_bias", default: true) ? try tensors.vector(2, "bias", count: units) : nil,
        activation: try activation("activation", default: "tanh"),
        returnSequences: flag("return_sequences"),
        zeroOutputForMask: flag("zero_output_for_mask")))
  }

  private func lstm(_ tensors: KerasTensors) throws -> Layer {
    let units = try units()
    return .lstm(
      LSTMCell(
        name: layer.name, units: units,
        kernel: try tensors.matrix(0, "kernel", columns: 4 * units),
        recurrentKernel: try tensors.matrix(1, "recurrent_kernel", rows: units, columns: 4 * units),
        bias: flag("use_bias", default: true)
          ? try tensors.vector(2, "bias", count: 4 * units) : nil,
        activation: try activation("activation", default: "tanh"),
        recurrentActivation: try activation(
          "recurrent_activation", default: kerasMajor >= 3 ? "sigmoid" : "hard_sigmoid"),
        returnSequences: flag("return_sequences"),
        zeroOutputForMask: flag("zero_output_for_mask")))
  }

  private func gru(_ tensors: KerasTensors) throws -> Layer {
    let units = try units()
    // Keras before 2.1.3 had no such option and reset before the product.
    let resetAfter = flag("reset_after", default: kerasMajor >= 3)
    return .gru(
      GRUCell(
        name: layer.name, units: units,
        kernel: try tensors.matrix(0, "kernel", columns: 3 * units),
        recurrentKernel: try tensors.matrix(1, "recurrent_kernel", rows: units, columns: 3 * units),
        bias: flag("use_bias", default: true)
          ? try tensors.rows(2, "bias", rows: resetAfter ? 2 : 1, columns: 3 * units) : nil,
        activation: try activation("activation", default: "tanh"),
        recurrentActivation: try activation(
          "recurrent_activation", default: kerasMajor >= 3 ? "sigmoid" : "hard_sigmoid"),
        resetAfter: resetAfter, returnSequences: flag("return_sequences"),
        zeroOutputForMask: flag("zero_output_for_mask")))
  }

  private func dense(_ tensors: KerasTensors) throws -> Layer {
    let units = try units()
    return .dense(
      Dense(
        name: layer.name, kernel: try tensors.matrix(0, "kernel", columns: units),
        bias: flag("use_bias", default: true) ? try tensors.vector(1, "bias", count: units) : nil,
        activation: try activation("activation", default: "linear")))
  }

  private func conv1D(_ tensors: KerasTensors) throws -> Layer {
    func single(_ key: String) -> Int {
      configuration[key] as? Int ?? (configuration[key] as? [Int])?.first ?? 1
    }
    let size = single("kernel_size")
    let padding = configuration["padding"] as? String ?? "valid"
    guard padding == "causal" || size == 1 else {
      throw unsupported(
        "padding is \"\(padding)\", which looks ahead of the step; only \"causal\" can be streamed")
    }
    guard single("strides") == 1 else { throw unsupported("strides other than 1 skip steps") }
    guard single("groups") == 1 else { throw unsupported("groups other than 1 are not supported") }
    guard configuration["data_format"] as? String ?? "channels_last" == "channels_last" else {
      throw unsupported("data_format is not channels_last")
    }
    let filters = configuration["filters"] as? Int ?? 0
    return .conv1D(
      Conv1D(
        name: layer.name, kernelSize: size, dilation: single("dilation_rate"),
        kernel: try tensors.taps(0, "kernel", size: size, filters: filters),
        bias: flag("use_bias", default: true) ? try tensors.vector(1, "bias", count: filters) : nil,
        activation: try activation("activation", default: "linear")))
  }

  private func batchNormalization(_ tensors: KerasTensors) throws -> Layer {
    guard lastAxis("axis") else { throw unsupported("normalizes another axis than the last") }
    let scale = flag("scale", default: true)
    let center = flag("center", default: true)
    let first = (scale ? 1 : 0) + (center ? 1 : 0)
    return .batchNormalization(
      BatchNormalization(
        name: layer.name, gamma: scale ? try tensors.vector(0, "gamma") : nil,
        beta: center ? try tensors.vector(scale ? 1 : 0, "beta") : nil,
        movingMean: try tensors.vector(first, "moving_mean"),
        movingVariance: try tensors.vector(first + 1, "moving_variance"),
        epsilon: try number("epsilon") ?? 1e-3))
  }

  private func layerNormalization(_ tensors: KerasTensors) throws -> Layer {
    guard lastAxis("axis") else { throw unsupported("normalizes another axis than the last") }
    guard !flag("rms_scaling") else { throw unsupported("rms_scaling is not supported") }
    let scale = flag("scale", default: true)
    let center = flag("center", default: true)
    guard scale || center else {
      throw unsupported("has neither scale nor center, so that its width is unknown")
    }
    let gamma = scale ? try tensors.vector(0, "gamma") : nil
    let beta = center ? try tensors.vector(scale ? 1 : 0, "beta") : nil
    return .layerNormalization(
      LayerNormalization(
        name: layer.name, width: gamma?.count ?? beta?.count ?? 0, gamma: gamma, beta: beta,
        epsilon: try number("epsilon") ?? 1e-3))
  }
}
