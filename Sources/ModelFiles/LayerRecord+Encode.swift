import Recurrence

extension LayerRecord {
  /// Takes a layer apart: the record, and its weights by their names.
  static func encode(_ layer: Layer) -> (record: LayerRecord, tensors: [Tensor]) {
    var weights = Weights()
    var record = LayerRecord(kind(of: layer), layer.name)
    switch layer {
    case .embedding(let layer):
      weights.add("embeddings", layer.embeddings)
      record.maskZero = layer.maskZero
    case .masking(let layer): record.maskValue = layer.maskValue
    case .simpleRNN(let cell):
      record.units = cell.units
      record.activation = cell.activation
      record.returnSequences = cell.returnSequences
      record.zeroOutputForMask = cell.zeroOutputForMask
      weights.add(cell.kernel, cell.recurrentKernel, cell.bias)
    case .gru(let cell):
      record.units = cell.units
      record.activation = cell.activation
      record.recurrentActivation = cell.recurrentActivation
      record.resetAfter = cell.resetAfter
      record.returnSequences = cell.returnSequences
      record.zeroOutputForMask = cell.zeroOutputForMask
      weights.add(cell.kernel, cell.recurrentKernel, nil)
      if let bias = cell.bias { weights.add("bias", bias) }
    case .lstm(let cell):
      record.units = cell.units
      record.activation = cell.activation
      record.recurrentActivation = cell.recurrentActivation
      record.returnSequences = cell.returnSequences
      record.zeroOutputForMask = cell.zeroOutputForMask
      weights.add(cell.kernel, cell.recurrentKernel, cell.bias)
    case .extendedLSTM(let cell):
      record.units = cell.units
      record.activation = cell.activation
      record.cellActivation = cell.cellActivation
      record.recurrentActivation = cell.recurrentActivation
      record.returnSequences = cell.returnSequences
      weights.add(cell.kernel, cell.recurrentKernel, cell.bias)
      if let peepholes = cell.peepholes { weights.add("peepholes", peepholes) }
      if let projection = cell.projection { weights.add("projection", projection) }
    case .dense(let layer):
      record.activation = layer.activation
      weights.add("kernel", layer.kernel)
      if let bias = layer.bias { weights.add("bias", bias) }
    case .conv1D(let layer):
      record.activation = layer.activation
      record.kernelSize = layer.kernelSize
      record.dilation = layer.dilation
      weights.add("kernel", layer.kernel)
      if let bias = layer.bias { weights.add("bias", bias) }
    default: encodeRest(layer, &record, &weights)
    }
    return (record, weights.tensors)
  }

  /// The layers around the cells.
  private static func encodeRest(
    _ layer: Layer, _ record: inout LayerRecord, _ weights: inout Weights
  ) {
    switch layer {
    case .activation(let layer): record.activation = layer.activation
    case .batchNormalization(let layer):
      record.epsilon = layer.epsilon
      if let gamma = layer.gamma { weights.add("gamma", gamma) }
      if let beta = layer.beta { weights.add("beta", beta) }
      weights.add("moving_mean", layer.movingMean)
      weights.add("moving_variance", layer.movingVariance)
    case .layerNormalization(let layer):
      record.epsilon = layer.epsilon
      record.width = layer.width
      if let gamma = layer.gamma { weights.add("gamma", gamma) }
      if let beta = layer.beta { weights.add("beta", beta) }
    case .rmsNormalization(let layer):
      record.epsilon = layer.epsilon
      weights.add("scale", layer.scale)
    case .normalization(let layer):
      weights.add("mean", layer.mean)
      weights.add("variance", layer.variance)
    case .scaling(let layer):
      weights.add("scale", layer.scale)
      weights.add("offset", layer.offset)
    case .repeatVector(let layer): record.count = layer.count
    case .pooling1D(let layer):
      record.pooling = layer.kind
      record.size = layer.size
      record.width = layer.width
    case .globalPooling1D(let layer):
      record.pooling = layer.kind
      record.width = layer.width
    case .branch(let layer): record.branch = layer.kind
    case .stepSelection(let layer):
      record.skipped = layer.skipped
      record.every = layer.every
    case .startingState(let layer):
      weights.add("h", layer.h)
      if let c = layer.c { weights.add("c", c) }
    case .lastStep, .lastAnswer: break
    case .embedding, .masking, .simpleRNN, .gru, .lstm, .extendedLSTM, .dense, .conv1D:
      preconditionFailure("\(layer.kindName) is encoded by encode")
    }
  }

  /// What `decode` tells them by; never changed, for files live long.
  private static func kind(of layer: Layer) -> String {
    switch layer {
    case .embedding: "embedding"
    case .masking: "masking"
    case .simpleRNN: "simple_rnn"
    case .gru: "gru"
    case .lstm: "lstm"
    case .extendedLSTM: "extended_lstm"
    case .dense: "dense"
    case .activation: "activation"
    case .batchNormalization: "batch_normalization"
    case .layerNormalization: "layer_normalization"
    case .rmsNormalization: "rms_normalization"
    case .normalization: "normalization"
    case .scaling: "scaling"
    case .conv1D: "conv1d"
    case .repeatVector: "repeat_vector"
    case .lastStep: "last_step"
    case .branch: "branch"
    case .pooling1D: "pooling1d"
    case .globalPooling1D: "global_pooling1d"
    case .stepSelection: "step_selection"
    case .lastAnswer: "last_answer"
    case .startingState: "starting_state"
    }
  }

  /// Tensors in the order in which they are written.
  private struct Weights {
    var tensors: [Tensor] = []

    mutating func add(_ name: String, _ matrix: Matrix) {
      tensors.append(
        Tensor(name: name, shape: [matrix.rows, matrix.columns], values: matrix.values))
    }

    mutating func add(_ name: String, _ values: [Float]) {
      tensors.append(Tensor(name: name, shape: [values.count], values: values))
    }

    mutating func add(_ kernel: Matrix, _ recurrentKernel: Matrix, _ bias: [Float]?) {
      add("kernel", kernel)
      add("recurrent_kernel", recurrentKernel)
      if let bias { add("bias", bias) }
    }
  }
}
