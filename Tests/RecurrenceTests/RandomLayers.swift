@testable import Recurrence

/// Layers with random weights, and short forms of their many options.
struct RandomLayers {
  private var random: RandomFloats

  init(seed: UInt64) { random = RandomFloats(seed: seed) }

  /// Random weights; with a gain of 2 a SimpleRNN is chaotic: an error grows from step to step.
  mutating func matrix(_ rows: Int, _ columns: Int, gain: Float = 2) -> Matrix {
    let limit = gain / Float(max(rows, 1)).squareRoot()
    return Matrix(
      rows: rows, columns: columns, values: random.floats(rows * columns, limit: limit))
  }

  mutating func embedding(_ vocabulary: Int, _ width: Int, maskZero: Bool = false) -> Layer {
    .embedding(
      Embedding(name: "embedding", embeddings: matrix(vocabulary, width), maskZero: maskZero))
  }

  mutating func simpleRNN(
    _ input: Int, _ units: Int, _ activation: Activation = .tanh, gain: Float = 2,
    returnSequences: Bool = true, zeroOutputForMask: Bool = false
  ) -> Layer {
    .simpleRNN(
      SimpleRNNCell(
        name: "simple_rnn", units: units, kernel: matrix(input, units),
        recurrentKernel: matrix(units, units, gain: gain), bias: random.floats(units),
        activation: activation,
        returnSequences: returnSequences, zeroOutputForMask: zeroOutputForMask))
  }

  mutating func gru(
    _ input: Int, _ units: Int, _ activation: Activation = .tanh,
    _ recurrentActivation: Activation = .sigmoid, resetAfter: Bool = true,
    returnSequences: Bool = true
  ) -> Layer {
    .gru(
      GRUCell(
        name: "gru", units: units, kernel: matrix(input, 3 * units),
        recurrentKernel: matrix(units, 3 * units), bias: matrix(resetAfter ? 2 : 1, 3 * units),
        activation: activation, recurrentActivation: recurrentActivation, resetAfter: resetAfter,
        returnSequences: returnSequences, zeroOutputForMask: false))
  }

  mutating func lstm(
    _ input: Int, _ units: Int, _ activation: Activation = .tanh,
    _ recurrentActivation: Activation = .sigmoid, returnSequences: Bool = true,
    zeroOutputForMask: Bool = false
  ) -> Layer {
    .lstm(
      LSTMCell(
        name: "lstm", units: units, kernel: matrix(input, 4 * units),
        recurrentKernel: matrix(units, 4 * units), bias: random.floats(4 * units),
        activation: activation, recurrentActivation: recurrentActivation,
        returnSequences: returnSequences,
        zeroOutputForMask: zeroOutputForMask))
  }

  func activation(_ activation: Activation) -> Layer {
    .activation(ActivationLayer(name: "activation", activation: activation))
  }

  mutating func dense(_ input: Int, _ units: Int, _ activation: Activation = .linear) -> Layer {
    .dense(
      Dense(
        name: "dense", kernel: matrix(input, units), bias: random.floats(units),
        activation: activation))
  }

  mutating func conv1D(_ input: Int, _ filters: Int, size: Int, dilation: Int) -> Layer {
    .conv1D(
      Conv1D(
        name: "conv1d", kernelSize: size, dilation: dilation,
        kernel: matrix(size * input, filters), bias: random.floats(filters), activation: .tanh))
  }

  mutating func batchNormalization(_ width: Int) -> Layer {
    .batchNormalization(
      BatchNormalization(
        name: "batch_normalization", gamma: random.floats(width), beta: random.floats(width),
        movingMean: random.floats(width), movingVariance: random.floats(width).map { $0 * $0 },
        epsilon: 1e-3))
  }

  mutating func layerNormalization(_ width: Int) -> Layer {
    .layerNormalization(
      LayerNormalization(
        name: "layer_normalization", width: width, gamma: random.floats(width),
        beta: random.floats(width), epsilon: 1e-3))
  }

  /// A model with every layer that has state, and norms between.
  static func everyStatefulLayer() throws -> Model {
    var layers = RandomLayers(seed: 7)
    return try Model(
      layers: [
        layers.batchNormalization(5), layers.conv1D(5, 9, size: 3, dilation: 2),
        layers.lstm(9, 20), layers.layerNormalization(20), layers.gru(20, 17),
        layers.gru(17, 6, resetAfter: false), layers.simpleRNN(6, 33),
        layers.dense(33, 4, .softmax),
      ], input: .vectors(width: 5), name: "every stateful layer")
  }
}
