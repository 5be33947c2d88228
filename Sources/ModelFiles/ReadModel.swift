import Recurrence

/// What a reader made of a file.
struct ReadModel {
  var model: Model
  /// What was taken otherwise than it stands in the file, in words, layer by layer.
  var conversions: [String] = []
  /// The SHA-256 of each further file that the numbers depend on.
  var filesBeside: [[UInt8]] = []
}

/// Says of layers what their readers always turn, by where they come from.
enum Conversions {
  /// The version of a function that has had several.
  static func ofFunctions(_ layers: [Layer]) -> [String] {
    layers.compactMap { layer in
      let activations = layer.activations
      if activations.contains(.hardSigmoidKeras2) {
        return "\(layer.name): hard_sigmoid is that of Keras 1 and 2, clip(0.2x + 0.5, 0, 1)"
      }
      if activations.contains(.hardSigmoid) {
        return "\(layer.name): hard_sigmoid is that of Keras 3, relu6(x + 3) / 6"
      }
      return nil
    }
  }

  /// Recurrent layers as PyTorch keeps them.
  static func ofTorch(_ layers: [Layer]) -> [String] {
    layers.compactMap { layer in
      switch layer {
      case .gru: "\(layer.name): gates r z n are kept as z r h"
      case .lstm(let cell) where cell.bias != nil: "\(layer.name): its two biases are added"
      case .extendedLSTM(let cell) where cell.bias != nil:
        "\(layer.name): its two biases are added"
      case .simpleRNN(let cell) where cell.bias != nil: "\(layer.name): its two biases are added"
      default: nil
      }
    }
  }

  /// Recurrent layers as ONNX' operators keep them; `loops` are those that were loops.
  static func ofONNX(_ layers: [Layer], loops: Set<String>) -> [String] {
    layers.compactMap { layer in
      guard layer.recurrence != nil else { return nil }
      if loops.contains(layer.name) {
        return "\(layer.name): a loop over the steps is a \(layer.kindName)"
      }
      switch layer {
      case .lstm, .extendedLSTM:
        return "\(layer.name): gates i o f c are kept as i f c o, its two biases are added"
      case .simpleRNN: return "\(layer.name): its two biases are added"
      default: return nil
      }
    }
  }
}

extension Layer {
  fileprivate var activations: [Activation] {
    switch self {
    case .simpleRNN(let cell): [cell.activation]
    case .gru(let cell): [cell.activation, cell.recurrentActivation]
    case .lstm(let cell): [cell.activation, cell.recurrentActivation]
    case .dense(let layer): [layer.activation]
    case .activation(let layer): [layer.activation]
    case .conv1D(let layer): [layer.activation]
    default: []
    }
  }
}
