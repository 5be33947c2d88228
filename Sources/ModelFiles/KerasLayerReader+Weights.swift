import Recurrence

// Layers with weights; the shapes are those of Keras' `build` methods.
extension KerasLayerReader {
  func embedding(_ saved: KerasTensors) throws(ModelFileError) -> Layer {
    let vocabulary = try options.size("input_dim")
    let width = try options.size("output_dim")
    let tensors = try saved.named(["embeddings"])
    return .embedding(
      Embedding(
        name: name, embeddings: try tensors.matrix(0, rows: vocabulary, columns: width),
        maskZero: try options.flag("mask_zero")))
  }

  func dense(_ saved: KerasTensors) throws(ModelFileError) -> Layer {
    let units = try options.size("units")
    let hasBias = try options.flag("use_bias", default: true)
    let tensors = try saved.named(["kernel"] + (hasBias ? ["bias"] : []))
    return .dense(
      Dense(
        name: name, kernel: try tensors.matrix(0, rows: sequence.width, columns: units),
        bias: hasBias ? try tensors.vector(1, count: units) : nil,
        activation: try activations.option("activation", default: "linear")))
  }

  func simpleRNN(_ saved: KerasTensors) throws(ModelFileError) -> Layer {
    let weights = try recurrentWeights(saved, gates: 1)
    let bias = weights.hasBias ? try weights.tensors.vector(2, count: weights.units) : nil
    return .simpleRNN(
      SimpleRNNCell(
        name: name, units: weights.units, kernel: weights.kernel,
        recurrentKernel: weights.recurrentKernel, bias: bias,
        activation: try activations.option("activation", default: "tanh"),
        returnSequences: try options.flag("return_sequences"),
        zeroOutputForMask: try options.flag("zero_output_for_mask")))
  }

  func lstm(_ saved: KerasTensors) throws(ModelFileError) -> Layer {
    let weights = try recurrentWeights(saved, gates: 4)
    let bias = weights.hasBias ? try weights.tensors.vector(2, count: 4 * weights.units) : nil
    return .lstm(
      LSTMCell(
        name: name, units: weights.units, kernel: weights.kernel,
        recurrentKernel: weights.recurrentKernel, bias: bias,
        activation: try activations.option("activation", default: "tanh"),
        recurrentActivation: try recurrentActivation(),
        returnSequences: try options.flag("return_sequences"),
        zeroOutputForMask: try options.flag("zero_output_for_mask")))
  }

  func gru(_ saved: KerasTensors) throws(ModelFileError) -> Layer {
    // Keras 1, and Keras 2 before the option came, reset before the product; CuDNN's GRU after it.
    let resetAfter = try options.flag(
      "reset_after", default: kerasMajor >= 3 || layer.className == "CuDNNGRU")
    let weights = try recurrentWeights(saved, gates: 3)
    let columns = 3 * weights.units
    var bias: Matrix?
    if weights.hasBias {
      bias =
        resetAfter
        ? try weights.tensors.matrix(2, rows: 2, columns: columns)
        : Matrix(rows: 1, columns: columns, values: try weights.tensors.vector(2, count: columns))
    }
    return .gru(
      GRUCell(
        name: name, units: weights.units, kernel: weights.kernel,
        recurrentKernel: weights.recurrentKernel, bias: bias,
        activation: try activations.option("activation", default: "tanh"),
        recurrentActivation: try recurrentActivation(), resetAfter: resetAfter,
        returnSequences: try options.flag("return_sequences"),
        zeroOutputForMask: try options.flag("zero_output_for_mask")))
  }

  /// Keras 1 and 2 have `hard_sigmoid` as their default, Keras 3 has `sigmoid`.
  private func recurrentActivation() throws(ModelFileError) -> Activation {
    try activations.option(
      "recurrent_activation",
      default: kerasMajor >= 3 || layer.className.hasPrefix("CuDNN") ? "sigmoid" : "hard_sigmoid")
  }

  private struct RecurrentWeights {
    var units: Int
    var kernel: Matrix
    var recurrentKernel: Matrix
    /// Whether the third of the tensors is a bias.
    var hasBias: Bool
    var tensors: KerasTensors
  }

  /// `kernel [input, gates * units]` and `recurrent_kernel [units, gates * units]`.
  private func recurrentWeights(
    _ saved: KerasTensors, gates: Int
  ) throws(ModelFileError) -> RecurrentWeights {
    let units = try options.size("units")
    let hasBias = try options.flag("use_bias", default: true)
    let tensors = try saved.named(["kernel", "recurrent_kernel"] + (hasBias ? ["bias"] : []))
    return RecurrentWeights(
      units: units,
      kernel: try tensors.matrix(0, rows: sequence.width, columns: gates * units),
      recurrentKernel: try tensors.matrix(1, rows: units, columns: gates * units),
      hasBias: hasBias, tensors: tensors)
  }

  func batchNormalization(_ saved: KerasTensors) throws(ModelFileError) -> Layer {
    try checkLastAxis()
    // Keras 1: other modes take the statistics of the batch.
    if let mode = options.value("mode"), mode != .number(0) {
      throw options.unsupported("mode", "is \(mode.shortText), expected 0")
    }
    let hasGamma = try options.flag("scale", default: true)
    let hasBeta = try options.flag("center", default: true)
    let first = (hasGamma ? 1 : 0) + (hasBeta ? 1 : 0)
    let tensors = try saved.named(
      (hasGamma ? ["gamma"] : []) + (hasBeta ? ["beta"] : []) + ["moving_mean", "moving_variance"])
    let mean = try tensors.vector(first, count: sequence.width)
    return .batchNormalization(
      BatchNormalization(
        name: name, gamma: hasGamma ? try tensors.vector(0, count: mean.count) : nil,
        beta: hasBeta ? try tensors.vector(first - 1, count: mean.count) : nil,
        movingMean: mean,
        movingVariance: try tensors.vector(first + 1, count: mean.count),
        epsilon: try options.number("epsilon") ?? 1e-3))
  }

  func layerNormalization(_ saved: KerasTensors) throws(ModelFileError) -> Layer {
    try checkLastAxis()
    let hasGamma = try options.flag("scale", default: true)
    let hasBeta = try options.flag("center", default: true)
    let tensors = try saved.named((hasGamma ? ["gamma"] : []) + (hasBeta ? ["beta"] : []))
    let gamma = hasGamma ? try tensors.vector(0, count: sequence.width) : nil
    let beta =
      hasBeta ? try tensors.vector(hasGamma ? 1 : 0, count: gamma?.count ?? sequence.width) : nil
    guard let width = gamma?.count ?? beta?.count ?? sequence.width else {
      throw options.unsupported(nil, "has no weights, so that its width is unknown")
    }
    return .layerNormalization(
      LayerNormalization(
        name: name, width: width, gamma: gamma, beta: beta,
        epsilon: try options.number("epsilon") ?? 1e-3))
  }

  func rmsNormalization(_ saved: KerasTensors) throws(ModelFileError) -> Layer {
    try checkLastAxis()
    // TimeDistributed around it passes the mask on.
    guard !sequence.isMasked || !sequence.isSequence else { throw options.losesMask }
    let scale = try saved.named(["scale"]).vector(0, count: sequence.width)
    return .rmsNormalization(
      RMSNormalization(
        name: name, scale: scale, epsilon: try options.number("epsilon") ?? 1e-6))
  }

  /// Its statistics are weights after `adapt`, or options; along the last axis, or the same for all.
  func normalization(_ saved: KerasTensors) throws(ModelFileError) -> Layer {
    let width = try knownWidth()
    let axes = options.value("axis").map { $0.array ?? [$0] } ?? []
    guard axes.isEmpty || axes.count == 1 && [-1, sequence.lastAxis].contains(axes[0].int) else {
      throw options.unsupported("axis", "is not the last alone, -1")
    }
    let statistics: [[Float]]
    if let mean = options.value("mean"), let variance = options.value("variance") {
      statistics = [try numbers(mean, "mean"), try numbers(variance, "variance")]
    } else {
      let tensors = try saved.named(["mean", "variance", "count"])
      let count = axes.isEmpty ? nil : width
      statistics = [
        try tensors.scalarOrVector(0, count: count), try tensors.scalarOrVector(1, count: count),
      ]
    }
    let spread = statistics.map { values in
      values.count == 1 ? [Float](repeating: values[0], count: width) : values
    }
    guard spread.allSatisfy({ $0.count == width }) else {
      throw options.unsupported(
        "mean", "has \(statistics[0].count) values, expected one or \(width)")
    }
    guard try options.flag("invert") else {
      return .normalization(Normalization(name: name, mean: spread[0], variance: spread[1]))
    }
    let deviation = spread[1].map { max(1e-7, $0.squareRoot()) }
    return .scaling(Scaling(name: name, scale: deviation, offset: spread[0]))
  }

  /// A number, or a list of them however deep its brackets.
  private func numbers(_ value: JSONValue, _ key: String) throws(ModelFileError) -> [Float] {
    if let number = value.double { return [Float(number)] }
    guard let list = value.array else {
      throw options.unsupported(key, "is \(value.shortText), expected numbers")
    }
    var result: [Float] = []
    for item in list { result += try numbers(item, key) }
    return result
  }
}
