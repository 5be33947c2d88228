import Recurrence

/// Builds a model from its configuration and a reader of its weights.
struct KerasModelBuilder {
  let path: String
  /// "3.15.1"; it decides defaults and what `hard_sigmoid` means.
  let version: String

  /// Builds the model from the JSON of its configuration; `tensors` reads a layer's weights.
  ///
  /// Throws a `ModelFileError`, or what `tensors` throws.
  func model(
    configuration: [UInt8], tensors: (KerasLayer) throws -> [Tensor]
  ) throws -> Model {
    guard let major = Int(version.prefix { $0.isNumber }), (1...3).contains(major) else {
      throw ModelFileError.unreadable(
        path: path, reason: "was written by Keras \(version), expected Keras 1, 2 or 3")
    }
    guard let json = JSONValue(text: configuration) else {
      throw ModelFileError.unreadable(
        path: path, reason: "its configuration is not JSON; save the model again")
    }
    let graph = try KerasGraph(json, kerasMajor: major, path: path)
    var sequence = try input(graph)
    let inputWidth = sequence.width
    var layers: [Layer] = []
    for layer in graph.layers {
      let reader = KerasLayerReader(
        layer, name: layer.name, kerasMajor: major, path: path, sequence: sequence)
      guard let built = try reader.layer(tensors: { try tensors(layer) }) else { continue }
      layers.append(built)
      sequence.pass(built)
    }
    do {
      let input = try input(of: layers, width: inputWidth)
      return try Model(layers: layers, input: input, name: graph.name)
    } catch let error as ModelError {
      throw ModelFileError.badModel(path: path, error: error)
    }
  }

  /// What the model's input layer says.
  private func input(_ graph: KerasGraph) throws(ModelFileError) -> KerasSequence {
    var sequence = KerasSequence()
    guard let shape = graph.inputShape, let first = graph.layers.first else { return sequence }
    // An Embedding takes one id a step, other layers one row.
    let rank = first.className == "Embedding" ? 2 : 3
    guard shape.count == rank else {
      let text = shape.map { $0.map { "\($0)" } ?? "any" }.joined(separator: ", ")
      throw .unsupported(
        path: path, layer: first.title, option: nil,
        reason: "its input has shape [\(text)], expected "
          + (rank == 2 ? "[batch, steps] of token ids" : "[batch, steps, values]"))
    }
    if rank == 3 { sequence.width = shape[2] }
    return sequence
  }

  private func input(of layers: [Layer], width: Int?) throws(ModelFileError) -> ModelInput {
    if case .embedding(let embedding) = layers.first {
      return .tokens(vocabulary: embedding.vocabulary)
    }
    // The first layer with a width of its own knows; a Masking or Activation before it does not.
    guard let width = width ?? layers.lazy.compactMap(\.inputWidth).first else {
      throw .unreadable(
        path: path, reason: "does not say how wide its input is; add an Input layer")
    }
    return .vectors(width: width)
  }
}
