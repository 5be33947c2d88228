/// A training graph of two inputs, taken apart: an encoder whose last states begin a decoder.
///
/// What passes between the two is `return_state` on one side and `initial_state` on the other, for
/// every recurrent layer, the first with the first. Anything else that passes is refused by name.
struct KerasPair {
  /// The layers of one side, and where they begin and end.
  struct Side {
    var nodes: [KerasChain.Node]
    var inputs: [KerasCall.Source]
    var output: KerasCall.Source
  }

  private(set) var encoder: Side
  private(set) var decoder: Side

  private let path: String

  /// Nil for a graph in which no layer is given a state to begin with.
  init?(
    _ nodes: [KerasChain.Node], inputs: [KerasCall.Source], outputs: [KerasCall.Source],
    path: String
  ) throws(ModelFileError) {
    let begun = nodes.filter { $0.calls.contains { !$0.initialState.isEmpty } }
    guard let first = begun.first, let output = outputs.first else { return nil }
    self.path = path
    func unsupported(_ layer: KerasLayer, _ reason: String) -> ModelFileError {
      .unsupported(path: path, layer: layer.title, option: "initial_state", reason: reason)
    }
    let byName = Dictionary(nodes.map { ($0.layer.name, $0) }) { first, _ in first }
    func behind(_ names: [String], to excluded: Set<String> = []) -> Set<String> {
      var found = Set(names)
      var waiting = names
      while let name = waiting.popLast() {
        for call in byName[name]?.calls ?? [] {
          for source in call.inputs + [call.mask].compactMap(\.self)
          where !excluded.contains(source.layer) && found.insert(source.layer).inserted {
            waiting.append(source.layer)
          }
        }
      }
      return found
    }
    let sources = begun.flatMap { $0.calls.flatMap(\.initialState) }
    let inEncoder = behind(sources.map(\.layer))
    if let circular = begun.first(where: { inEncoder.contains($0.layer.name) }) {
      throw unsupported(circular.layer, "is given within the encoder, expected zeros there")
    }
    let inDecoder = behind([output.layer], to: inEncoder)
    for node in nodes where inDecoder.contains(node.layer.name) {
      if let other = node.calls.flatMap(\.inputs).first(where: { inEncoder.contains($0.layer) }) {
        throw .unsupported(
          path: path, layer: node.layer.title, option: nil,
          reason: "reads '\(other.layer)' of the encoder; only its last h and c may pass")
      }
    }
    let pairs = try begun.map { node throws(ModelFileError) in
      (try KerasPair.source(of: node, byName, unsupported), node.layer.name)
    }
    guard outputs.count == 1, inDecoder.contains(first.layer.name) else {
      throw unsupported(
        first.layer, "the model has outputs \(outputs.map(\.layer)), expected the decoder's alone")
    }
    let last = pairs.map(\.0).last { name in
      // The one that no other layer of the encoder reads.
      !nodes.contains { node in
        inEncoder.contains(node.layer.name)
          && node.calls.contains { $0.inputs.contains { $0.layer == name } }
      }
    }
    encoder = Side(
      nodes: KerasPair.bare(nodes, inEncoder),
      inputs: inputs.filter { inEncoder.contains($0.layer) },
      output: KerasCall.Source(layer: last ?? pairs[0].0, call: 0, output: 0))
    decoder = Side(
      nodes: KerasPair.bare(nodes, inDecoder),
      inputs: inputs.filter { inDecoder.contains($0.layer) },
      output: output)
    try checkOrder(pairs, unsupported)
  }

  /// The encoder's layer whose last states a layer begins with.
  private static func source(
    of node: KerasChain.Node, _ byName: [String: KerasChain.Node],
    _ unsupported: (KerasLayer, String) -> ModelFileError
  ) throws(ModelFileError) -> String {
    let given = node.calls.flatMap(\.initialState)
    let want = node.layer.className == "LSTM" ? 2 : 1
    guard given.count == want, let name = given.first?.layer,
      given.enumerated().allSatisfy({
        $0.element.layer == name && $0.element.output == $0.offset + 1
      })
    else {
      throw unsupported(
        node.layer,
        "is \(given.map { "\($0.layer)[\($0.output)]" }.joined(separator: ", ")), expected the "
          + "\(want == 2 ? "h and c" : "h") of one layer with return_state")
    }
    guard let source = byName[name]?.layer, source.className == node.layer.className else {
      throw unsupported(
        node.layer, "comes from \(byName[name]?.layer.title ?? name), expected a layer of its kind")
    }
    return name
  }

  /// Each recurrent layer of the decoder begins with that of the encoder in the same place.
  private func checkOrder(
    _ pairs: [(String, String)], _ unsupported: (KerasLayer, String) -> ModelFileError
  ) throws(ModelFileError) {
    let decoders = try KerasChain(decoder.nodes, path: path)
      .ordered(inputs: decoder.inputs, outputs: [decoder.output])
      .map(\.layer).filter(\.isRecurrent)
    let encoders = try KerasChain(encoder.nodes, path: path)
      .ordered(inputs: encoder.inputs, outputs: [encoder.output])
      .map(\.layer).filter(\.isRecurrent)
    let sources = Dictionary(pairs.map { ($0.1, $0.0) }) { first, _ in first }
    for (place, layer) in decoders.enumerated() {
      let want = place < encoders.count ? encoders[place].name : nil
      guard let source = sources[layer.name] else {
        throw unsupported(
          layer,
          "is not given, expected the last state of a layer of the encoder, as for the others")
      }
      guard source == want else {
        throw unsupported(layer, "is of '\(source)', expected of '\(want ?? "another layer")'")
      }
    }
    if decoders.count < encoders.count {
      throw unsupported(encoders[decoders.count], "its last state begins no layer of the decoder")
    }
  }

  /// The layers of one side, without what passed between the two.
  private static func bare(
    _ nodes: [KerasChain.Node], _ names: Set<String>
  ) -> [KerasChain.Node] {
    nodes.filter { names.contains($0.layer.name) }.map { node in
      var node = node
      node.calls = node.calls.map { call in
        var call = call
        call.dropInitialState()
        return call
      }
      if node.layer.isRecurrent { node.layer = node.layer.withoutStateOutput }
      return node
    }
  }
}
