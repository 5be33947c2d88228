@testable import Recurrence

/// One layer of a reference case, with Keras' option and weight names.
struct ReferenceLayer: Decodable {
  struct Tensor: Decodable {
    let shape: [Int]
    let values: [Float]
  }

  let kind: String
  let name: String
  let units: Int?
  let activation: String?
  let recurrent_activation: String?
  let reset_after: Bool?
  let return_sequences: Bool?
  let zero_output_for_mask: Bool?
  let mask_zero: Bool?
  let mask_value: Float?
  let epsilon: Float?
  let dilation_rate: Int?
  let n: Int?
  let weights: [String: Tensor]

  private func given<Value>(_ value: Value?, _ what: String) throws -> Value {
    guard let value else { throw ReferenceProblem.missing("\(name): \(what)") }
    return value
  }

  private func function(_ name: String?) throws -> Activation {
    try ActivationOptions().activation(named: given(name, "activation"))
  }

  /// All axes but the last together are the rows.
  private func matrix(_ tensor: Tensor) -> Matrix {
    let columns = tensor.shape.last ?? 0
    return Matrix(
      rows: tensor.shape.dropLast().reduce(1, *), columns: columns, values: tensor.values)
  }

  private func matrix(_ weight: String) throws -> Matrix {
    matrix(try given(weights[weight], weight))
  }

  func layer(width: Int?) throws -> Layer {
    let bias = weights["bias"]?.values
    switch kind {
    case "SimpleRNN":
      return .simpleRNN(
        SimpleRNNCell(
          name: name, units: try given(units, "units"), kernel: try matrix("kernel"),
          recurrentKernel: try matrix("recurrent_kernel"), bias: bias,
          activation: try function(activation),
          returnSequences: try given(return_sequences, "return_sequences"),
          zeroOutputForMask: zero_output_for_mask ?? false))
    case "GRU":
      return .gru(
        GRUCell(
          name: name, units: try given(units, "units"), kernel: try matrix("kernel"),
          recurrentKernel: try matrix("recurrent_kernel"), bias: weights["bias"].map(matrix),
          activation: try function(activation),
          recurrentActivation: try function(recurrent_activation),
          resetAfter: try given(reset_after, "reset_after"),
          returnSequences: try given(return_sequences, "return_sequences"),
          zeroOutputForMask: zero_output_for_mask ?? false))
    case "LSTM":
      return .lstm(
        LSTMCell(
          name: name, units: try given(units, "units"), kernel: try matrix("kernel"),
          recurrentKernel: try matrix("recurrent_kernel"), bias: bias,
          activation: try function(activation),
          recurrentActivation: try function(recurrent_activation),
          returnSequences: try given(return_sequences, "return_sequences"),
          zeroOutputForMask: zero_output_for_mask ?? false))
    default: return try plainLayer(width: width, bias: bias)
    }
  }

  private func plainLayer(width: Int?, bias: [Float]?) throws -> Layer {
    switch kind {
    case "Embedding":
      return .embedding(
        Embedding(
          name: name, embeddings: try matrix("embeddings"),
          maskZero: try given(mask_zero, "mask_zero")))
    case "Masking":
      return .masking(Masking(name: name, maskValue: try given(mask_value, "mask_value")))
    case "Dense":
      return .dense(
        Dense(
          name: name, kernel: try matrix("kernel"), bias: bias,
          activation: try function(activation)))
    case "Activation":
      return .activation(ActivationLayer(name: name, activation: try function(activation)))
    case "Conv1D":
      let size = try given(weights["kernel"]?.shape.first, "kernel")
      return .conv1D(
        Conv1D(
          name: name, kernelSize: size, dilation: try given(dilation_rate, "dilation_rate"),
          kernel: try matrix("kernel"), bias: bias, activation: try function(activation)))
    case "BatchNormalization":
      return .batchNormalization(
        BatchNormalization(
          name: name, gamma: weights["gamma"]?.values, beta: weights["beta"]?.values,
          movingMean: try given(weights["moving_mean"], "moving_mean").values,
          movingVariance: try given(weights["moving_variance"], "moving_variance").values,
          epsilon: try given(epsilon, "epsilon")))
    case "LayerNormalization":
      return .layerNormalization(
        LayerNormalization(
          name: name, width: try given(width, "width"), gamma: weights["gamma"]?.values,
          beta: weights["beta"]?.values, epsilon: try given(epsilon, "epsilon")))
    case "RepeatVector":
      return .repeatVector(RepeatVector(name: name, count: try given(n, "n")))
    default: throw ReferenceProblem.unknown(kind)
    }
  }
}
