import Recurrence

/// Turns one Keras layer into ours, or says by name why it cannot be stepped.
struct KerasLayerReader {
  let layer: KerasLayer
  /// The layer's name in the model: that of the wrapper, if it has one.
  let name: String
  let kerasMajor: Int
  let path: String
  /// What comes in.
  let sequence: KerasSequence
  let options: KerasOptions

  init(
    _ layer: KerasLayer, name: String, kerasMajor: Int, path: String, sequence: KerasSequence
  ) {
    self.layer = layer
    self.name = name
    self.kerasMajor = kerasMajor
    self.path = path
    self.sequence = sequence
    options = KerasOptions(layer, path: path)
  }

  /// Layers that do nothing when a trained model answers.
  private static let inert: Set<String> = [
    "Dropout", "SpatialDropout1D", "GaussianDropout", "GaussianNoise", "AlphaDropout",
    "ActivityRegularization", "Identity",
  ]

  /// Layers that work on each row alone, so that a TimeDistributed around them changes nothing.
  private static let rowwise = inert.union(KerasActivation.layerClasses)
    .union([
      "Dense", "BatchNormalization", "LayerNormalization", "RMSNormalization", "Rescaling",
      "Flatten",
    ])

  /// Why some layers can never be stepped.
  private static let unstreamable = [
    "Bidirectional": "the backward half needs the end of the sequence: not streamable",
    "PReLU": "its slopes are weights, which is not supported",
    "Permute": "it changes what the steps are: not streamable",
    "Sequential": "a model inside the model is not supported; add its layers to the outer one",
    "Functional": "a model inside the model is not supported; add its layers to the outer one",
    "Model": "a model inside the model is not supported; add its layers to the outer one",
    "MultiHeadAttention": "attention looks at the whole sequence: not streamable",
    "Attention": "attention looks at the whole sequence: not streamable",
  ]

  /// The layer, with what follows it at steps that it leaves out; none if it does nothing here.
  ///
  /// `tensors` reads the layer's weights and is called for layers that have some. Throws a
  /// `ModelFileError`, or what `tensors` throws.
  func layers(tensors: () throws -> [Tensor]) throws -> [Layer] {
    if let foreign = layer.foreign { throw options.unsupported(nil, foreign) }
    if let reason = Self.unstreamable[layer.className] { throw options.unsupported(nil, reason) }
    if Self.inert.contains(layer.className) { return [] }
    try Self.checkDtype(options)
    try checkDirection()
    if layer.className == "TimeDistributed" { return try timeDistributed(tensors) }
    let result = try plainLayers() ?? weighted(tensors)
    try options.refuseUnread()
    return result
  }

  /// Refuses layers whose arithmetic is not in 32-bit floats.
  static func checkDtype(_ options: KerasOptions) throws(ModelFileError) {
    if let quantization = options.value("quantization_config") {
      throw options.unsupported(
        "quantization_config", "is \(quantization.shortText); save the model in float32")
    }
    guard let type = options.value("dtype") else { return }
    let name = type.string ?? type["config"]?["name"]?.string
    guard name == "float32" else {
      throw options.unsupported(
        "dtype", "is \(name ?? type.shortText), expected float32; save the model in float32")
    }
  }

  private func checkDirection() throws(ModelFileError) {
    if try options.flag("go_backwards") {
      throw options.unsupported(
        "go_backwards", "starts at the end of the sequence: not streamable")
    }
    if try options.flag("return_state") {
      throw options.unsupported("return_state", "gives more than one output, expected false")
    }
    if try options.flag("time_major") {
      throw options.unsupported("time_major", "is true, expected [batch, steps, values]")
    }
  }

  private func timeDistributed(_ tensors: () throws -> [Tensor]) throws -> [Layer] {
    guard !layer.wrapped.isEmpty else {
      throw options.unsupported("layer", "is missing, expected the layer that it wraps")
    }
    if let other = layer.wrapped.first(where: { !Self.rowwise.contains($0.className) }) {
      throw options.unsupported(
        nil, "wraps a \(other.className), expected a layer that works on each step alone")
    }
    guard sequence.isSequence else {
      throw options.unsupported(nil, "needs a sequence, received one row")
    }
    try options.refuseUnread()
    var row = sequence
    row.isSequence = false
    let isStack = layer.wrapped.count > 1
    var layers: [Layer] = []
    for inner in layer.wrapped {
      let reader = KerasLayerReader(
        inner, name: isStack ? inner.name : name, kerasMajor: kerasMajor, path: path, sequence: row)
      let read = try reader.layers {
        isStack ? KerasWeights.ofWrapped(inner, in: try tensors()) : try tensors()
      }
      read.forEach { row.pass($0) }
      layers += read
      options.conversions += reader.options.conversions
    }
    return layers
  }

  /// A layer without weights; nil if it is another.
  private func plainLayers() throws(ModelFileError) -> [Layer]? {
    switch layer.className {
    case "Masking":
      return [.masking(Masking(name: name, maskValue: try options.number("mask_value") ?? 0))]
    case "RepeatVector":
      return [.repeatVector(RepeatVector(name: name, count: try options.size("n")))]
    case "MaxPooling1D", "AveragePooling1D": return try pooling()
    case "GlobalMaxPooling1D", "GlobalAveragePooling1D": return try globalPooling()
    case "Flatten", "Reshape":
      try checkReshape()
      return []
    case "Rescaling": return [try rescaling()]
    case let className where KerasActivation.layerClasses.contains(className):
      // Keras would use the steps' mask as one of the units.
      guard className != "Softmax" || !sequence.isMasked else {
        throw options.unsupported(
          nil, "a Softmax layer of masked steps is not supported; use Activation(\"softmax\")")
      }
      let activation = try activations.layer(className, lastAxis: sequence.lastAxis)
      return [.activation(ActivationLayer(name: name, activation: activation))]
    default: return nil
    }
  }

  private func weighted(_ tensors: () throws -> [Tensor]) throws -> [Layer] {
    let read: (KerasTensors) throws(ModelFileError) -> Layer
    switch layer.className {
    case "Embedding": read = embedding
    case "SimpleRNN": read = simpleRNN
    case "GRU", "CuDNNGRU": read = gru
    case "LSTM", "CuDNNLSTM": read = lstm
    case "Dense": read = dense
    case "Normalization": read = normalization
    case "RMSNormalization": read = rmsNormalization
    case "Conv1D":
      return try conv1D(KerasTensors(try tensors(), layer: layer, path: path))
    case "BatchNormalization": read = batchNormalization
    case "LayerNormalization": read = layerNormalization
    default:
      throw options.unsupported(
        nil,
        "this kind of layer is not supported; expected Embedding, Masking, SimpleRNN, GRU, LSTM, "
          + "Dense, TimeDistributed, Conv1D, pooling, RepeatVector, normalization, activation, "
          + "dropout, or a join such as Add or Concatenate")
    }
    let saved = try tensors()
    let joined = kerasMajor == 1 ? Keras1.joined(saved, of: layer) : saved
    let converted = CuDNNWeights.converted(joined, of: layer)
    if joined != saved { options.conversions.append("\(name): weights gate by gate are joined") }
    if converted != joined {
      options.conversions.append("\(name): weights in CuDNN's layout are turned")
    }
    return [try read(KerasTensors(converted, layer: layer, path: path))]
  }

  var activations: KerasActivation {
    KerasActivation(options: options, kerasMajor: kerasMajor, path: path)
  }

  /// Refuses another axis than the last.
  func checkLastAxis() throws(ModelFileError) {
    guard let value = options.value("axis") else { return }
    let axes = value.array ?? [value]
    guard axes.count == 1, let axis = axes[0].int, axis == -1 || axis == sequence.lastAxis else {
      throw options.unsupported("axis", "is \(value.shortText), expected the last axis, -1")
    }
  }
}
