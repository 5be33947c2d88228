/// The layout of weights that CuDNNLSTM and CuDNNGRU save.
///
/// Only the bias shows it: it has `2 * gates * units` values in one row. Each gate's kernel is turned
/// (transposed, then read in the order of columns into its old shape), each gate's recurrent kernel
/// transposed; an LSTM's two biases are added. Source: `preprocess_weights_for_loading` of Keras 2.
enum CuDNNWeights {
  /// The weights as `LSTM` and `GRU` with `reset_after` keep them; others unchanged.
  static func converted(_ tensors: [Tensor], of layer: KerasLayer) -> [Tensor] {
    let gates: Int
    switch layer.className {
    case "LSTM", "CuDNNLSTM": gates = 4
    case "GRU", "CuDNNGRU": gates = 3
    default: return tensors
    }
    guard tensors.count == 3, let units = tensors[1].shape.first,
      tensors[1].shape == [units, gates * units], tensors[0].shape.count == 2,
      tensors[0].shape[1] == gates * units, tensors[2].shape == [2 * gates * units]
    else { return tensors }
    return [
      turned(tensors[0], gates: gates, units: units),
      transposed(tensors[1], gates: gates, units: units),
      gates == 4
        ? summed(tensors[2])
        : Tensor(name: tensors[2].name, shape: [2, gates * units], values: tensors[2].values),
    ]
  }

  /// Element `(i, j)` of a gate is element `j * inputs + i` of its rows one behind the other.
  private static func turned(_ kernel: Tensor, gates: Int, units: Int) -> Tensor {
    let inputs = kernel.shape[0]
    var values = kernel.values
    for gate in 0..<gates {
      for i in 0..<inputs {
        for j in 0..<units {
          let flat = j * inputs + i
          values[i * gates * units + gate * units + j] =
            kernel.values[flat / units * gates * units + gate * units + flat % units]
        }
      }
    }
    return Tensor(name: kernel.name, shape: kernel.shape, values: values)
  }

  private static func transposed(_ kernel: Tensor, gates: Int, units: Int) -> Tensor {
    var values = kernel.values
    for gate in 0..<gates {
      for i in 0..<units {
        for j in 0..<units {
          values[i * gates * units + gate * units + j] =
            kernel.values[j * gates * units + gate * units + i]
        }
      }
    }
    return Tensor(name: kernel.name, shape: kernel.shape, values: values)
  }

  private static func summed(_ bias: Tensor) -> Tensor {
    let half = bias.values.count / 2
    let values = (0..<half).map { bias.values[$0] + bias.values[half + $0] }
    return Tensor(name: bias.name, shape: [half], values: values)
  }
}
