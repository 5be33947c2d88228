import Recurrence

extension ONNXGraph {
  /// Reads one operator, whose inputs have all been read.
  mutating func read(_ node: ONNXNode) throws(ModelFileError) {
    if try readWrapping(node) { return }
    if try readMoment(node) { return }
    if node.kind == "Loop" {
      try loop(node)
      return
    }
    var isConstant = true
    var carried: String?
    for index in node.inputs.indices {
      switch try input(index, of: node) {
      case nil, .constant: break
      case .carriedState(let name): carried = name
      default: isConstant = false
      }
    }
    if let carried, isConstant, Self.shapeKinds.contains(node.kind) {
      set(.carriedState(carried), of: node)
      return
    }
    if isConstant && carried == nil && Self.constantKinds.contains(node.kind) {
      try foldConstant(node)
    } else if let activation = try ONNXActivation.unit(node) {
      try activate(activation, node)
    } else {
      try readRows(node)
    }
    try node.refuseUnread()
  }

  /// Operators that only bring an initial state into form.
  private static let shapeKinds: Set<String> = [
    "Cast", "Concat", "Expand", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Transpose",
    "Unsqueeze",
  ]

  private mutating func readRows(_ node: ONNXNode) throws(ModelFileError) {
    switch node.kind {
    case "RNN", "GRU", "LSTM": try recurrent(node)
    case "Gather": try gather(node)
    case "MatMul": try matMul(node)
    case "Gemm": try gemm(node)
    case "Add", "Sub", "Mul", "Div", "Max", "Min": try binary(node)
    case "Concat": try concatenate(node)
    case "Softmax", "LogSoftmax": try softmax(node)
    case "PRelu": try slope(node)
    case "Clip": try clip(node)
    case "BatchNormalization": try batchNormalization(node)
    case "LayerNormalization", "RMSNormalization": try normalize(node)
    case "Conv": try convolve(node)
    case "Pad": try pad(node)
    case "MaxPool", "AveragePool": try pool(node)
    case "GlobalMaxPool", "GlobalAveragePool", "ReduceMean", "ReduceMax": try poolGlobally(node)
    case "Shape": try shape(node)
    case "Transpose": try transpose(node)
    case "Squeeze": try squeeze(node)
    case "Unsqueeze": try unsqueeze(node)
    case "Reshape", "Flatten": try reshape(node)
    case "Slice": try slice(node)
    case "Cast": try cast(node)
    case "Identity", "Dropout": try pass(node)
    default:
      throw node.unsupported(
        nil, "this operator is not supported; Docs/models.md lists those that are")
    }
  }

  /// What changes nothing when a trained model answers.
  private mutating func pass(_ node: ONNXNode) throws(ModelFileError) {
    node.ignore("ratio", "seed", "is_test")
    if let mode = try constant(2, of: node)?.knownIntegers?.first, mode != 0 {
      throw node.unsupported("training_mode", "is true, expected false")
    }
    set(.rows(try rowsOrPadded(0, of: node)), of: node)
    set(.refused("a Dropout's mask is no answer"), 1, of: node)
  }

  /// Token ids of one width to another, or floats to floats of 32 bits.
  private mutating func cast(_ node: ONNXNode) throws(ModelFileError) {
    node.ignore("saturate", "round_mode")
    let type = try node.integer("to", default: 0)
    var rows = try rows(0, of: node)
    switch (rows.isTokens, type) {
    case (true, 6), (true, 7), (false, 1): break
    case (false, 6), (false, 7):
      // Ids that arrive as floats.
      guard rows.value == LayerGraph.input, rows.unitsAxis == nil else {
        throw node.unsupported("to", "makes whole numbers of rows, which is not supported")
      }
      rows.isTokens = true
    default: throw node.unsupported("to", "is type \(type), expected floats of 32 bits")
    }
    set(.rows(rows), of: node)
  }

  private mutating func slope(_ node: ONNXNode) throws(ModelFileError) {
    guard let slope = try constant(1, of: node)?.floats, slope.count == 1 else {
      throw node.unsupported("slope", "has one for each channel, expected one for all")
    }
    try activate(.leakyRelu(negativeSlope: slope[0]), node)
  }

  private mutating func clip(_ node: ONNXNode) throws(ModelFileError) {
    let least =
      node.has("min") ? try node.float("min", default: 0) : try constant(1, of: node)?.floats?.first
    let most =
      node.has("max") ? try node.float("max", default: 0) : try constant(2, of: node)?.floats?.first
    switch (least, most) {
    case (0, nil): try activate(.relu, node)
    case (0, 6): try activate(.relu6, node)
    case (0, let most?):
      try activate(.limitedRelu(maxValue: most, negativeSlope: 0, threshold: 0), node)
    case (-1, 1): try activate(.hardTanh, node)
    default:
      throw node.unsupported("min", "and max are not 0 and a limit, or -1 and 1")
    }
  }
}
