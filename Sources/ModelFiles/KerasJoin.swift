import Recurrence

/// Keras' layers, and operations, of several inputs.
struct KerasJoin {
  let join: Branch.Join

  /// Nil for a layer of one input.
  init?(_ layer: KerasLayer) {
    switch layer.className {
    case "Add": join = .add
    case "Subtract": join = .subtract
    case "Multiply": join = .multiply
    case "Average": join = .average
    case "Maximum": join = .maximum
    case "Minimum": join = .minimum
    case "Concatenate": join = .concatenate
    default: return nil
    }
  }

  /// What is behind it; `inputs` are what is before it.
  func sequence(
    _ inputs: [KerasSequence], _ layer: KerasLayer, path: String
  ) throws(ModelFileError) -> KerasSequence {
    let options = KerasOptions(layer, path: path)
    guard var result = inputs.first, inputs.count >= 2 else {
      throw options.unsupported(nil, "has \(inputs.count) inputs, expected two or more")
    }
    if let foreign = layer.foreign { throw options.unsupported(nil, foreign) }
    // The layer of the same name joins the masks too.
    if layer.isOperation, inputs.contains(where: \.isMasked) {
      throw options.losesMask
    }
    try KerasLayerReader.checkDtype(options)
    if join == .concatenate {
      let axis = options.value("axis") ?? .number(-1)
      guard axis.int == -1 || axis.int == result.lastAxis else {
        throw options.unsupported(
          "axis", "is \(axis.shortText), expected the last axis, -1: not streamable")
      }
      result.width = inputs.reduce(0) { sum, input in
        sum.flatMap { sum in input.width.map { sum + $0 } }
      }
    }
    try options.refuseUnread()
    return result
  }
}
