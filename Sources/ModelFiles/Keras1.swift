import Recurrence

/// What Keras 1 named and stored otherwise than its followers.
///
/// Source: `keras/legacy/interfaces.py` and `preprocess_weights_for_loading` of Keras 2.
enum Keras1 {
  private static let classes = ["TimeDistributedDense": "Dense"]
  private static let options = [
    "inner_activation": "recurrent_activation", "bias": "use_bias", "p": "rate",
  ]

  /// A layer's class and options in the words of Keras 2.
  static func modern(
    _ className: String, _ configuration: [String: JSONValue]
  ) -> (String, [String: JSONValue]) {
    var modern: [String: JSONValue] = [:]
    for (key, value) in configuration {
      // An Embedding's width is still called output_dim.
      let isUnits = key == "output_dim" && className != "Embedding"
      modern[isUnits ? "units" : options[key] ?? key] = value
    }
    return (classes[className] ?? className, modern)
  }

  /// Joins the weights that Keras 1 kept gate by gate (`W_i U_i b_i W_c U_c b_c ...`) into kernel,
  /// recurrent kernel and bias; leaves joined ones as they are.
  ///
  /// Stored order: LSTM `i c f o`, GRU `z r h`; the joined order is LSTM `i f c o`, GRU `z r h`.
  static func joined(_ tensors: [Tensor], of layer: KerasLayer) -> [Tensor] {
    let gates: [Int]
    switch (layer.className, tensors.count) {
    case ("LSTM", 12): gates = [0, 2, 1, 3]
    case ("GRU", 9): gates = [0, 1, 2]
    default: return tensors
    }
    return ["kernel", "recurrent_kernel", "bias"].enumerated().map { part, name in
      joinedColumns(gates.map { tensors[3 * $0 + part] }, name: name)
    }
  }

  /// Puts tensors of equal shape side by side on their last axis.
  ///
  /// Unequal shapes keep the first one's, so that the check of the layer's shapes refuses them.
  private static func joinedColumns(_ tensors: [Tensor], name: String) -> Tensor {
    guard let first = tensors.first, let columns = first.shape.last, columns > 0,
      tensors.allSatisfy({ $0.shape == first.shape })
    else { return tensors.first ?? Tensor(name: name, shape: [], values: []) }
    var values: [Float] = []
    values.reserveCapacity(first.values.count * tensors.count)
    for row in stride(from: 0, to: first.values.count, by: columns) {
      for tensor in tensors { values.append(contentsOf: tensor.values[row..<row + columns]) }
    }
    let shape = first.shape.dropLast() + [columns * tensors.count]
    return Tensor(name: name, shape: Array(shape), values: values)
  }
}
