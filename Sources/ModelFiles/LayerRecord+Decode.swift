import Recurrence

extension LayerRecord {
  /// What a record lacks.
  struct Fault: Error {
    var reason: String
  }

  /// Puts a layer together again; shapes are the model's to check.
  ///
  /// - Parameters:
  ///   - weights: gives a tensor by its name, nil if there is none.
  ///   - packed: gives a matrix that only the kernels' packing reads; nil if there is none.
  /// - Returns: the layer.
  /// - Throws: a `Fault`, or what the closures throw.
  func layer(
    tensor weights: (String) throws -> Tensor?, packed: (String) throws -> Matrix?
  ) throws -> Layer {
    func kernel(_ name: String) throws -> Matrix {
      guard let matrix = try packed(name) else {
        throw Fault(reason: "has no tensor \(name) of two sizes")
      }
      return matrix
    }
    func vector(_ name: String) throws -> [Float] {
      guard let tensor = try weights(name) else { throw Fault(reason: "has no tensor \(name)") }
      return tensor.values
    }
    func matrix(_ name: String) throws -> Matrix {
      guard let matrix = try optionalMatrix(name) else {
        throw Fault(reason: "has no tensor \(name)")
      }
      return matrix
    }
    func optionalMatrix(_ name: String) throws -> Matrix? {
      guard let tensor = try weights(name) else { return nil }
      guard tensor.shape.count == 2 else {
        throw Fault(reason: "tensor \(name) has shape \(tensor.shape), expected two sizes")
      }
      return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values)
    }
    func checkedUnits(_ recurrentKernel: Matrix) throws -> Int {
      let units = try need(units, "units")
      guard units == recurrentKernel.rows else {
        throw Fault(reason: "says \(units) units, its weights are for \(recurrentKernel.rows)")
      }
      return units
    }
    func optionalVector(_ name: String) throws -> [Float]? { try weights(name)?.values }

    switch kind {
    case "embedding":
      return .embedding(
        Embedding(
          name: name, embeddings: try matrix("embeddings"), maskZero: try need(maskZero, "maskZero")
        ))
    case "masking":
      return .masking(Masking(name: name, maskValue: try need(maskValue, "maskValue")))
    case "simple_rnn":
      let recurrent = try kernel("recurrent_kernel")
      return .simpleRNN(
        SimpleRNNCell(
          name: name, units: try checkedUnits(recurrent), kernel: try kernel("kernel"),
          recurrentKernel: recurrent, bias: try optionalVector("bias"),
          activation: try need(activation, "activation"),
          returnSequences: try need(returnSequences, "returnSequences"),
          zeroOutputForMask: try need(zeroOutputForMask, "zeroOutputForMask")))
    case "gru":
      let recurrent = try kernel("recurrent_kernel")
      return .gru(
        GRUCell(
          name: name, units: try checkedUnits(recurrent), kernel: try kernel("kernel"),
          recurrentKernel: recurrent, bias: try optionalMatrix("bias"),
          activation: try need(activation, "activation"),
          recurrentActivation: try need(recurrentActivation, "recurrentActivation"),
          resetAfter: try need(resetAfter, "resetAfter"),
          returnSequences: try need(returnSequences, "returnSequences"),
          zeroOutputForMask: try need(zeroOutputForMask, "zeroOutputForMask")))
    case "lstm":
      let recurrent = try kernel("recurrent_kernel")
      return .lstm(
        LSTMCell(
          name: name, units: try checkedUnits(recurrent), kernel: try kernel("kernel"),
          recurrentKernel: recurrent, bias: try optionalVector("bias"),
          activation: try need(activation, "activation"),
          recurrentActivation: try need(recurrentActivation, "recurrentActivation"),
          returnSequences: try need(returnSequences, "returnSequences"),
          zeroOutputForMask: try need(zeroOutputForMask, "zeroOutputForMask")))
    case "extended_lstm":
      let own = try need(units, "units")
      guard (1...1 << 24).contains(own) else { throw Fault(reason: "says \(own) units") }
      return .extendedLSTM(
        ExtendedLSTMCell(
          name: name, units: own, kernel: try matrix("kernel"),
          recurrentKernel: try matrix("recurrent_kernel"), bias: try optionalVector("bias"),
          peepholes: try optionalVector("peepholes"), projection: try optionalMatrix("projection"),
          activation: try need(activation, "activation"),
          cellActivation: try need(cellActivation, "cellActivation"),
          recurrentActivation: try need(recurrentActivation, "recurrentActivation"),
          returnSequences: try need(returnSequences, "returnSequences")))
    case "dense":
      return .dense(
        Dense(
          name: name, kernel: try kernel("kernel"), bias: try optionalVector("bias"),
          activation: try need(activation, "activation")))
    case "conv1d":
      return .conv1D(
        Conv1D(
          name: name, kernelSize: try need(kernelSize, "kernelSize"),
          dilation: try need(dilation, "dilation"), kernel: try matrix("kernel"),
          bias: try optionalVector("bias"), activation: try need(activation, "activation")))
    case "batch_normalization":
      return .batchNormalization(
        BatchNormalization(
          name: name, gamma: try optionalVector("gamma"), beta: try optionalVector("beta"),
          movingMean: try vector("moving_mean"), movingVariance: try vector("moving_variance"),
          epsilon: try need(epsilon, "epsilon")))
    case "layer_normalization":
      return .layerNormalization(
        LayerNormalization(
          name: name, width: try rowWidth(), gamma: try optionalVector("gamma"),
          beta: try optionalVector("beta"), epsilon: try need(epsilon, "epsilon")))
    case "rms_normalization":
      return .rmsNormalization(
        RMSNormalization(
          name: name, scale: try vector("scale"), epsilon: try need(epsilon, "epsilon")))
    case "normalization":
      return .normalization(
        Normalization(name: name, mean: try vector("mean"), variance: try vector("variance")))
    case "scaling":
      return .scaling(
        Scaling(name: name, scale: try vector("scale"), offset: try vector("offset")))
    case "starting_state":
      return .startingState(
        StartingState(name: name, h: try vector("h"), c: try optionalVector("c")))
    default: return try layerWithoutWeights()
    }
  }

  private func layerWithoutWeights() throws(Fault) -> Layer {
    switch kind {
    case "activation":
      return .activation(
        ActivationLayer(name: name, activation: try need(activation, "activation")))
    case "repeat_vector":
      return .repeatVector(RepeatVector(name: name, count: try need(count, "count")))
    case "last_step": return .lastStep(LastStep(name: name))
    case "last_answer": return .lastAnswer(LastAnswer(name: name))
    case "branch": return .branch(Branch(name: name, kind: try need(branch, "branch")))
    case "pooling1d":
      return .pooling1D(
        Pooling1D(
          name: name, kind: try need(pooling, "pooling"), size: try need(size, "size"),
          width: try rowWidth()))
    case "global_pooling1d":
      return .globalPooling1D(
        GlobalPooling1D(
          name: name, kind: try need(pooling, "pooling"), width: try rowWidth()))
    case "step_selection":
      return .stepSelection(
        StepSelection(
          name: name, skipped: try need(skipped, "skipped"), every: try need(every, "every")))
    default:
      throw Fault(reason: "is of the kind \"\(kind)\", which this version does not know")
    }
  }

  /// Checked here: layers take memory for a row when they are made.
  private func rowWidth() throws(Fault) -> Int {
    let width = try need(width, "width")
    guard (1...1 << 24).contains(width) else {
      throw Fault(reason: "says rows of \(width) values, expected 1 to 2^24")
    }
    return width
  }

  private func need<Value>(_ value: Value?, _ option: String) throws(Fault) -> Value {
    guard let value else { throw Fault(reason: "says no \(option)") }
    return value
  }
}
