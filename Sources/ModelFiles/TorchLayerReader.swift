import Recurrence

/// Turns one entry of a layers file into layers, or says by name why it cannot be stepped.
struct TorchLayerReader {
  let options: TorchOptions
  let weights: TorchWeights
  /// Values that come in, where known.
  let width: Int?

  /// Kinds that do nothing when a trained model answers.
  private static let inert: Set<String> = ["dropout", "identity"]

  /// None for what does nothing, several for stacked recurrent layers.
  func layers() throws(ModelFileError) -> [Layer] {
    switch options.kind {
    case "rnn", "gru", "lstm": return try recurrent(suffix: "_l")
    case "rnn_cell", "gru_cell", "lstm_cell": return try recurrent(suffix: nil)
    case "embedding": return [try embedding()]
    case "linear": return [try linear()]
    case "conv_causal": return [try convolution().layer]
    case "conv": return try convolutionWithoutPadding()
    case "batchnorm": return [try batchNormalization()]
    case "layernorm": return [try layerNormalization()]
    case "last": return [.lastStep(LastStep(name: "last"))]
    case let kind where Self.inert.contains(kind):
      _ = options.value("p")
      return []
    default:
      guard let activation = try TorchActivation(options: options, weights: weights).activation()
      else {
        throw options.unsupported(
          nil, "this kind of layer is not supported; see Docs/models.md for those that are")
      }
      return [
        .activation(ActivationLayer(name: options.prefix ?? options.kind, activation: activation))
      ]
    }
  }

  private var name: String { options.prefix ?? options.kind }

  private func weight(_ name: String) -> String { options.prefix.map { "\($0).\(name)" } ?? name }

  /// Compares what an option says with what the weights say; an option may be missing.
  private func check(_ option: String, is received: Int) throws(ModelFileError) {
    guard let said = try options.size(option), said != received else { return }
    throw options.unsupported(option, "is \(said), but the weights are for \(received)")
  }

  /// A bias, whose presence an option may state.
  private func bias(_ name: String, count: Int) throws(ModelFileError) -> [Float]? {
    let isThere = weights.contains(weight(name))
    guard try options.flag("bias", default: isThere) else {
      guard !isThere else {
        throw options.unsupported("bias", "is false, but there is \(weight(name))")
      }
      return nil
    }
    return try weights.vector(weight(name), count: count)
  }

  // MARK: Layers without recurrence

  private func embedding() throws(ModelFileError) -> Layer {
    guard options.value("max_norm") == nil else {
      throw options.unsupported("max_norm", "changes the weights when it answers, expected null")
    }
    // The row of padding_idx is a row like any other: PyTorch only leaves it out of training.
    _ = options.value("padding_idx")
    let tensor = try weights.tensor(weight("weight"), shape: [nil, nil])
    try check("vocab", is: tensor.shape[0])
    try check("dim", is: tensor.shape[1])
    return .embedding(
      Embedding(
        name: name,
        embeddings: Matrix(
          rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values),
        maskZero: false))
  }

  private func linear() throws(ModelFileError) -> Layer {
    let kernel = try weights.transposed(weight("weight"), rows: nil, columns: width)
    try check("in", is: kernel.rows)
    try check("out", is: kernel.columns)
    return .dense(
      Dense(
        name: name, kernel: kernel, bias: try bias("bias", count: kernel.columns),
        activation: .linear))
  }

  /// A Conv1d that sees `(kernel - 1) * dilation` zeros before the sequence and nothing behind it.
  private func convolution() throws(ModelFileError) -> (layer: Layer, past: Int) {
    let (layer, past) = try convolutionOfAnyPadding()
    if let stride = try options.size("stride"), stride != 1 {
      throw options.unsupported(
        "stride", "is \(stride), which skips steps, expected 1; the kind conv may")
    }
    let padding = try options.size("left_pad", least: 0) ?? past
    guard padding == past else {
      throw options.unsupported(
        "left_pad",
        "is \(padding), which shifts the answers against the steps; expected \(past), "
          + "(kernel - 1) * dilation")
    }
    return (layer, past)
  }

  /// A Conv1d as PyTorch calls it: fewer zeros before the sequence than taps, none behind it, and a
  /// stride: fewer rows than steps.
  private func convolutionWithoutPadding() throws(ModelFileError) -> [Layer] {
    let (layer, past) = try convolutionOfAnyPadding()
    let stride = try options.size("stride") ?? 1
    let zeros = try options.size("left_pad", least: 0) ?? 0
    guard zeros <= past else {
      throw options.unsupported(
        "left_pad", "is \(zeros), expected at most \(past), (kernel - 1) * dilation")
    }
    if let padding = try options.size("padding", least: 0), padding > 0 {
      throw options.unsupported(
        "padding",
        "is \(padding), on both sides: the last rows need steps behind the end: not streamable; "
          + "say left_pad for zeros before the sequence alone")
    }
    // The zeros of the past are those before the sequence.
    guard zeros < past || stride > 1 else { return [layer] }
    return [
      layer,
      .stepSelection(StepSelection(name: name, skipped: past - zeros, every: stride)),
    ]
  }

  /// The layer, and how many steps it looks back.
  private func convolutionOfAnyPadding() throws(ModelFileError) -> (layer: Layer, past: Int) {
    let tensor = try weights.tensor(weight("weight"), shape: [nil, nil, nil])
    let (filters, channels, size) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
    try check("kernel", is: size)
    try check("out", is: filters)
    if let groups = try options.size("groups"), groups != 1 {
      throw options.unsupported("groups", "is \(groups), expected 1")
    }
    try check("in", is: channels)
    let dilation = try options.size("dilation") ?? 1
    let past = (size - 1) * dilation
    // [filters, channels, taps] -> [taps, channels, filters]; the oldest tap is first in both.
    var values = [Float](repeating: 0, count: tensor.values.count)
    for filter in 0..<filters {
      for channel in 0..<channels {
        for tap in 0..<size {
          values[(tap * channels + channel) * filters + filter] =
            tensor.values[(filter * channels + channel) * size + tap]
        }
      }
    }
    let layer = Conv1D(
      name: name, kernelSize: size, dilation: dilation,
      kernel: Matrix(rows: size * channels, columns: filters, values: values),
      bias: try bias("bias", count: filters), activation: .linear)
    return (.conv1D(layer), past)
  }

  private func batchNormalization() throws(ModelFileError) -> Layer {
    let mean = try weights.vector(weight("running_mean"), count: width)
    try check("features", is: mean.count)
    let isAffine = try options.flag("affine", default: weights.contains(weight("weight")))
    return .batchNormalization(
      BatchNormalization(
        name: name,
        gamma: isAffine ? try weights.vector(weight("weight"), count: mean.count) : nil,
        beta: isAffine ? try weights.vector(weight("bias"), count: mean.count) : nil,
        movingMean: mean,
        movingVariance: try weights.vector(weight("running_var"), count: mean.count),
        epsilon: try options.number("eps", default: 1e-5)))
  }

  private func layerNormalization() throws(ModelFileError) -> Layer {
    let isAffine = try options.flag("affine", default: weights.contains(weight("weight")))
    let gamma = isAffine ? try weights.vector(weight("weight"), count: width) : nil
    let said = try options.size("shape")
    guard let count = gamma?.count ?? width ?? said else {
      throw options.unsupported("shape", "is missing, and no weight tells the width")
    }
    if let said, said != count {
      throw options.unsupported("shape", "is \(said), expected the last axis alone, \(count)")
    }
    let hasBias = isAffine && weights.contains(weight("bias"))
    return .layerNormalization(
      LayerNormalization(
        name: name, width: count, gamma: gamma,
        beta: hasBias ? try weights.vector(weight("bias"), count: count) : nil,
        epsilon: try options.number("eps", default: 1e-5)))
  }

  // MARK: Recurrent layers

  /// `nn.RNN` and its like with `_l0`, `_l1`, ...; the Cell modules without a suffix.
  private func recurrent(suffix: String?) throws(ModelFileError) -> [Layer] {
    // The order of the axes in memory and dropout between layers change no number here.
    _ = options.value("batch_first")
    _ = options.value("dropout")
    if let reverse = weights.name(under: options.prefix, endingIn: "_reverse") {
      throw options.unsupported(
        "bidirectional",
        "has \(reverse): the backward half needs the end of the sequence: "
          + "not streamable")
    }
    guard try !options.flag("bidirectional", default: false) else {
      throw options.unsupported(
        "bidirectional", "the backward half needs the end of the sequence: not streamable")
    }
    let count = suffix == nil ? 1 : try options.size("num_layers") ?? 1
    guard count <= 1000 else {
      throw options.unsupported("num_layers", "is \(count), expected at most 1000")
    }
    var layers: [Layer] = []
    var width = width
    for index in 0..<count {
      let reader = TorchCellReader(
        options: options, weights: weights, input: width,
        suffix: suffix.map { "\($0)\(index)" } ?? "",
        name: count > 1 ? "\(name).\(index)" : name)
      let layer = try reader.layer(isFirst: index == 0)
      layers.append(layer)
      width = layer.outputWidth
    }
    return layers
  }
}
