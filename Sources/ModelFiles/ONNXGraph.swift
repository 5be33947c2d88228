import ONNXProto
import Recurrence

/// What a graph is read into: every name's meaning so far, and the layers.
struct ONNXGraph {
  let path: String
  /// The version of ONNX' operators.
  let version: Int
  /// Sizes that the graph's input fixes; nil if it may be any.
  let batchSize: Int?
  let stepCount: Int?
  var values: [String: ONNXValue] = [:]
  var layers = LayerGraph()
  /// Layers that are loops in the file.
  var loops: Set<String> = []

  /// The meaning of an input; nil for one that is left out.
  func input(_ index: Int, of node: ONNXNode) throws(ModelFileError) -> ONNXValue? {
    guard node.inputs.indices.contains(index), !node.inputs[index].isEmpty else { return nil }
    let name = node.inputs[index]
    guard let value = values[name] else {
      throw node.unsupported(nil, "needs \(name), which nothing before it gives: a cycle or a gap")
    }
    if case .refused(let reason) = value { throw node.unsupported(nil, "uses \(name): \(reason)") }
    return value
  }

  /// The rows of an input, which must be there, and without padding that waits for a convolution.
  func rows(_ index: Int, of node: ONNXNode) throws(ModelFileError) -> ONNXRows {
    let rows = try rowsOrPadded(index, of: node)
    guard rows.padding == 0 else {
      throw node.unsupported(nil, "takes steps that a Pad put before the first: not supported")
    }
    guard rows.surplus == 0 else {
      throw node.unsupported(nil, "takes rows behind the last step, which need the future")
    }
    return rows
  }

  func rowsOrPadded(_ index: Int, of node: ONNXNode) throws(ModelFileError) -> ONNXRows {
    switch try input(index, of: node) {
    case .rows(let rows): return rows
    case nil: throw node.unsupported(nil, "has no input \(index)")
    case .carriedState(let name): throw otherInput(name, node)
    case .moment:
      throw node.unsupported(nil, "takes means over a row's values, which is not supported")
    default: throw node.unsupported(nil, "its input \(index) does not depend on the stream")
    }
  }

  func otherInput(_ name: String, _ node: ONNXNode) -> ModelFileError {
    node.unsupported(
      nil, "takes the graph's input \(name); a stream has one input, and weights are initializers")
  }

  /// A constant input; nil if it is left out.
  func constant(_ index: Int, of node: ONNXNode) throws(ModelFileError) -> ONNXConstant? {
    switch try input(index, of: node) {
    case .constant(let constant): return constant
    case nil: return nil
    case .carriedState(let name): throw otherInput(name, node)
    default:
      throw node.unsupported(
        nil,
        "its input \(index), \(node.inputs[index]), is no constant; expected weights as "
          + "initializers of the graph")
    }
  }

  /// A constant input of floats, of so many axes.
  func weights(
    _ index: Int, of node: ONNXNode, rank: Int
  ) throws(ModelFileError) -> (values: [Float], sizes: [Int])? {
    guard let constant = try constant(index, of: node) else { return nil }
    guard let sizes = constant.sizes, sizes.count == rank, let values = constant.floats,
      !values.isEmpty
    else {
      throw node.unsupported(
        nil, "its input \(index) has the shape \(constant.shape), expected \(rank) axes of floats")
    }
    return (values, sizes)
  }

  func requiredWeights(
    _ index: Int, of node: ONNXNode, rank: Int
  ) throws(ModelFileError) -> (values: [Float], sizes: [Int]) {
    guard let weights = try weights(index, of: node, rank: rank) else {
      throw node.unsupported(nil, "has no input \(index)")
    }
    return weights
  }

  /// Known whole numbers given as an attribute, or since a later version as an input.
  func integers(
    _ key: String, or index: Int, of node: ONNXNode
  ) throws(ModelFileError) -> [Int]? {
    if let list = try node.integers(key) { return list }
    guard let constant = try constant(index, of: node) else { return nil }
    guard let list = constant.knownIntegers else {
      throw node.unsupported(key, "depends on the stream, expected constants")
    }
    return list
  }

  /// An axis of a tensor with so many, counted from the end if negative.
  func axis(_ axis: Int, rank: Int, of node: ONNXNode) throws(ModelFileError) -> Int {
    let place = axis < 0 ? axis + rank : axis
    guard (0..<rank).contains(place) else {
      throw node.unsupported("axis", "is \(axis) for a tensor of \(rank) axes")
    }
    return place
  }

  mutating func set(_ value: ONNXValue, _ index: Int = 0, of node: ONNXNode) {
    guard node.outputs.indices.contains(index), !node.outputs[index].isEmpty else { return }
    values[node.outputs[index]] = value
  }

  /// Adds a layer behind some rows and gives the rows behind it.
  mutating func add(_ layer: Layer, to rows: ONNXRows) -> ONNXRows {
    rows.with(layers.add(layer, to: rows.value), width: layer.outputWidth)
  }
}
