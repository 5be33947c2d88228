import ONNXProto

/// One reading of what the axes of a graph's input are.
struct ONNXInput {
  let rows: ONNXRows
  /// Fixed sizes; nil if the graph takes any.
  let batchSize: Int?
  let stepCount: Int?

  /// The readings that its type and rank allow, the likelier ones first.
  static func readings(of input: Onnx_ValueInfoProto) -> [ONNXInput] {
    let tensor = input.type.tensorType
    let sizes: [Int?] = tensor.shape.dim.map { dimension in
      guard case .dimValue(let size) = dimension.value, size > 0 else { return nil }
      return Int(size)
    }
    // 6 and 7 are int32 and int64.
    let isTokens = [6, 7].contains(tensor.elemType)
    let forms: [[Character]]
    switch (isTokens, sizes.count) {
    case (true, 1): forms = [["t"]]
    case (true, 2): forms = [["b", "t"], ["t", "b"]]
    case (true, 3): forms = [["b", "t", "1"], ["t", "b", "1"]]
    case (false, 2): forms = [["t", "u"], ["b", "u"], ["b", "t"]]
    case (false, 3): forms = [["b", "t", "u"], ["t", "b", "u"], ["b", "u", "t"]]
    case (false, 4): forms = [["b", "1", "t", "u"], ["b", "u", "1", "t"], ["b", "u", "t", "1"]]
    default: forms = []
    }
    return forms.compactMap { reading($0, sizes, isTokens: isTokens) }
  }

  private static func reading(
    _ form: [Character], _ sizes: [Int?], isTokens: Bool
  ) -> ONNXInput? {
    var axes: [ONNXRows.Axis] = []
    var width = 1
    var batchSize: Int?
    var stepCount: Int?
    for (kind, size) in zip(form, sizes) {
      switch kind {
      case "b":
        axes.append(.batch)
        batchSize = size
      case "t":
        axes.append(.steps)
        stepCount = size
      case "1":
        guard size == 1 else { return nil }
        axes.append(.one)
      default:
        guard let size, size <= 1 << 24 else { return nil }
        axes.append(.units(size))
        width = size
      }
    }
    return ONNXInput(
      rows: ONNXRows(value: LayerGraph.input, axes: axes, width: width, isTokens: isTokens),
      batchSize: batchSize, stepCount: stepCount)
  }
}
