import Recurrence

/// Builds a model from its configuration and a reader of its weights.
struct KerasModelBuilder {
  let path: String
  /// "3.15.1"; it decides defaults and what `hard_sigmoid` means.
  let version: String

  /// Builds the model from the JSON of its configuration.
  ///
  /// `tensors` reads a layer's weights, `asset` a file of its own by name, nil if there is none.
  /// Throws a `ModelFileError`, or what these throw.
  func model(
    configuration: [UInt8], asset: (KerasLayer, String) throws -> [UInt8]? = { _, _ in nil },
    tensors: (KerasLayer) throws -> [Tensor]
  ) throws -> (read: ReadModel, vocabulary: ModelVocabulary?, decoder: Model?) {
    guard let major = Int(version.prefix { $0.isNumber }), (1...3).contains(major) else {
      throw ModelFileError.unreadable(
        path: path, reason: "was written by Keras \(version), expected Keras 1, 2 or 3")
    }
    guard let json = JSONValue(text: configuration) else {
      throw ModelFileError.unreadable(
        path: path, reason: "its configuration is not JSON; save the model again")
    }
    let graph = try KerasGraph(json, kerasMajor: major, path: path)
    var (read, vocabulary) = try build(graph, major, asset: asset, tensors: tensors)
    let decoder = try graph.decoder.first.map {
      try build($0, major, asset: asset, tensors: tensors).read
    }
    read.conversions += decoder?.conversions ?? []
    return (read, vocabulary, decoder?.model)
  }

  private func build(
    _ graph: KerasGraph, _ major: Int, asset: (KerasLayer, String) throws -> [UInt8]?,
    tensors: (KerasLayer) throws -> [Tensor]
  ) throws -> (read: ReadModel, vocabulary: ModelVocabulary?) {
    var vocabulary: ModelVocabulary?
    var conversions: [String] = []
    if let first = graph.steps.first?.layer, KerasVocabularyReader.classes.contains(first.className)
    {
      // What cuts the text and looks its tokens up is the tokenizer's work.
      vocabulary = try KerasVocabularyReader(first, path: path).vocabulary { try asset(first, $0) }
      conversions.append("\(first.name): \(first.className) is the tokenizer's work")
    }
    let inputSequence = try input(graph)
    var layerGraph = LayerGraph()
    var values: [LayerGraph.Value] = []
    var sequences: [KerasSequence] = []
    for (index, step) in graph.steps.enumerated() {
      if index == 0 && vocabulary != nil {
        values.append(LayerGraph.input)
        sequences.append(inputSequence)
        continue
      }
      let inputs = step.inputs.map { $0.map { values[$0] } ?? LayerGraph.input }
      let before = step.inputs.map { $0.map { sequences[$0] } ?? inputSequence }
      if let join = KerasJoin(step.layer) {
        sequences.append(try join.sequence(before, step.layer, path: path))
        values.append(layerGraph.join(join.join, inputs, name: step.layer.name))
        continue
      }
      var sequence = before[0]
      let reader = KerasLayerReader(
        step.layer, name: step.layer.name, kerasMajor: major, path: path, sequence: sequence)
      var value = inputs[0]
      for layer in try reader.layers(tensors: { try tensors(step.layer) }) {
        value = layerGraph.add(layer, to: value)
        sequence.pass(layer)
      }
      conversions += reader.options.conversions
      values.append(value)
      sequences.append(sequence)
    }
    let layers = layerGraph.layers(to: values.last ?? LayerGraph.input)
    conversions += Conversions.ofFunctions(layers)
    do {
      let input = try input(of: layers, width: inputSequence.width)
      try check(vocabulary, input)
      let model = try Model(layers: layers, input: input, name: graph.name)
      return (ReadModel(model: model, conversions: conversions), vocabulary)
    } catch let error as ModelError {
      throw ModelFileError.badModel(path: path, error: error)
    }
  }

  /// The ids of a model's own vocabulary are those of its Embedding.
  private func check(_ vocabulary: ModelVocabulary?, _ input: ModelInput) throws(ModelFileError) {
    guard let vocabulary else { return }
    guard case .tokens(let count) = input, count >= vocabulary.tokens.count else {
      throw .unreadable(
        path: path,
        reason: "looks up \(vocabulary.tokens.count) tokens that no Embedding of as many takes")
    }
  }

  /// What the model's input layer says.
  private func input(_ graph: KerasGraph) throws(ModelFileError) -> KerasSequence {
    var sequence = KerasSequence()
    guard let shape = graph.inputShape, let first = graph.steps.first?.layer,
      !KerasVocabularyReader.classes.contains(first.className)
    else { return sequence }
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
