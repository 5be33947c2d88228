// Operators whose inputs are all constants: the shape arithmetic that exporters leave in a graph.
extension ONNXGraph {
  /// Operators that give a constant for constants.
  static let constantKinds: Set<String> = [
    "Add", "Cast", "Concat", "Constant", "ConstantOfShape", "Div", "Equal", "Expand", "Gather",
    "Identity", "Mul", "Reshape", "Slice", "Squeeze", "Sub", "Tile", "Transpose", "Unsqueeze",
    "Where",
  ]

  /// Most elements that an operator may make of constants.
  private static let elementCountMax = 1 << 28

  /// Runs one of `constantKinds` on constants.
  mutating func foldConstant(_ node: ONNXNode) throws(ModelFileError) {
    var inputs: [ONNXConstant] = []
    for index in node.inputs.indices {
      if let constant = try constant(index, of: node) { inputs.append(constant) }
    }
    let result: ONNXConstant
    switch node.kind {
    case "Constant": result = try value(of: node)
    case "ConstantOfShape": result = try constantOfShape(node, inputs)
    case "Identity": result = try first(inputs, node)
    case "Cast": result = try cast(node, inputs)
    case "Add", "Sub", "Mul", "Div", "Equal": result = try arithmetic(node, inputs)
    case "Where": result = try choice(node, inputs)
    case "Concat": result = try concatenation(node, inputs)
    case "Expand": result = try expansion(node, inputs)
    case "Tile": result = try tiling(node, inputs)
    case "Gather": result = try gathering(node, inputs)
    case "Transpose": result = try transposition(node, inputs)
    case "Slice": result = try slice(node, inputs)
    default: result = try reshaped(node, inputs)
    }
    set(.constant(result), of: node)
  }

  private func first(
    _ inputs: [ONNXConstant], _ node: ONNXNode
  ) throws(ModelFileError) -> ONNXConstant {
    guard let first = inputs.first else { throw node.unsupported(nil, "has no input") }
    return first
  }

  private func impossible(_ node: ONNXNode, _ inputs: [ONNXConstant]) -> ModelFileError {
    node.unsupported(
      nil, "of constants of the shapes \(inputs.map(\.shape)) cannot be worked out")
  }

  private func value(of node: ONNXNode) throws(ModelFileError) -> ONNXConstant {
    if let tensor = try node.tensor("value") { return tensor }
    if node.has("value_float") {
      return ONNXConstant(shape: [], .floats([try node.float("value_float", default: 0)]))
    }
    if node.has("value_int") {
      return ONNXConstant(
        integers: [.known(try node.integer("value_int", default: 0))], isScalar: true)
    }
    if let list = try node.integers("value_ints") {
      return ONNXConstant(integers: list.map { .known($0) })
    }
    let list = try node.floats("value_floats")
    guard !list.isEmpty else { throw node.unsupported(nil, "holds no numbers") }
    return ONNXConstant(shape: [.known(list.count)], .floats(list))
  }

  private func constantOfShape(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    guard let shape = inputs.first?.integers, shape.count <= 8 else {
      throw impossible(node, inputs)
    }
    guard let value = try node.tensor("value") else {
      return ONNXConstant(shape: shape, .filled(0))
    }
    switch value.content {
    case .floats(let values) where values.count == 1:
      return ONNXConstant(shape: shape, .filled(values[0]))
    case .integers(let values) where values.count == 1:
      let sizes = shape.compactMap(\.size)
      guard sizes.count == shape.count, let count = ONNXConstant.count(of: sizes), count <= 4096
      else { throw impossible(node, inputs) }
      return ONNXConstant(
        shape: shape, .integers([ONNXDimension](repeating: values[0], count: count)))
    default: throw impossible(node, inputs)
    }
  }

  private func cast(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    node.ignore("to", "saturate", "round_mode")
    let type = try node.integer("to", default: 0)
    let input = try first(inputs, node)
    // 1, 10, 11 and 16 are floats, 6, 7 and 9 whole numbers.
    switch (input.content, type) {
    case (.floats, 1), (.filled, 1), (.integers, 6), (.integers, 7), (.integers, 9): return input
    case (.integers, 1):
      // A number of steps as a float is only ever compared.
      guard let values = input.knownIntegers else { return input }
      return ONNXConstant(shape: input.shape, .floats(values.map { Float($0) }))
    default: throw node.unsupported("to", "is \(type): this conversion is not supported")
    }
  }

  /// Whole numbers of equal shape, or one against many; a size times 1 stays what it is.
  private func arithmetic(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    guard inputs.count == 2, let a = inputs[0].integers, let b = inputs[1].integers,
      a.count == b.count || a.count == 1 || b.count == 1
    else { throw impossible(node, inputs) }
    let count = max(a.count, b.count)
    var result: [ONNXDimension] = []
    for index in 0..<count {
      let pair = (a[a.count == 1 ? 0 : index], b[b.count == 1 ? 0 : index])
      guard let value = Self.arithmetic(node.kind, pair.0, pair.1) else {
        throw impossible(node, inputs)
      }
      result.append(value)
    }
    let shape = inputs[0].shape.count >= inputs[1].shape.count ? inputs[0].shape : inputs[1].shape
    return ONNXConstant(
      shape: a.count == b.count || count == 1 ? shape : [.known(count)],
      .integers(result))
  }

  private static func arithmetic(
    _ kind: String, _ a: ONNXDimension, _ b: ONNXDimension
  ) -> ONNXDimension? {
    if kind == "Equal" { return .known(a == b ? 1 : 0) }
    if kind == "Mul" && a == .known(1) { return b }
    if (kind == "Mul" || kind == "Div") && b == .known(1) { return a }
    // One stream is a batch of 1.
    if kind == "Mul" && a == .batch { return b }
    if kind == "Mul" && b == .batch { return a }
    guard let x = a.size, let y = b.size else { return nil }
    let outcome: (partialValue: Int, overflow: Bool)
    switch kind {
    case "Add": outcome = x.addingReportingOverflow(y)
    case "Sub": outcome = x.subtractingReportingOverflow(y)
    case "Mul": outcome = x.multipliedReportingOverflow(by: y)
    default: outcome = x.dividedReportingOverflow(by: y)
    }
    return outcome.overflow ? nil : .known(outcome.partialValue)
  }

  private func choice(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    guard inputs.count == 3, let chosen = inputs[0].knownIntegers, let a = inputs[1].integers,
      let b = inputs[2].integers, a.count == chosen.count || a.count == 1,
      b.count == chosen.count || b.count == 1
    else { throw impossible(node, inputs) }
    return ONNXConstant(
      shape: inputs[0].shape,
      .integers(
        chosen.enumerated().map { index, isFirst in
          isFirst != 0 ? a[a.count == 1 ? 0 : index] : b[b.count == 1 ? 0 : index]
        }))
  }

  private func concatenation(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    let axis = try node.integer("axis", default: 0)
    let integers = inputs.compactMap(\.integers)
    if integers.count == inputs.count, inputs.allSatisfy({ $0.shape.count == 1 }),
      axis == 0 || axis == -1
    {
      return ONNXConstant(integers: integers.flatMap { $0 })
    }
    // Zeros beside zeros are zeros: initial states of several layers.
    if inputs.allSatisfy(\.isZero), let first = inputs.first,
      inputs.allSatisfy({ $0.shape.count == first.shape.count })
    {
      let place = try self.axis(axis, rank: first.shape.count, of: node)
      let sizes = inputs.compactMap { $0.shape[place].size }
      if sizes.count == inputs.count {
        var shape = first.shape
        shape[place] = .known(sizes.reduce(0, &+))
        return ONNXConstant(shape: shape, .filled(0))
      }
    }
    // Whole blocks of memory one behind the other.
    let floats = inputs.compactMap(\.floats)
    if axis == 0, floats.count == inputs.count, let first = inputs.first?.sizes, !first.isEmpty {
      let sizes = inputs.compactMap(\.sizes)
      if sizes.allSatisfy({ $0.dropFirst() == first.dropFirst() && $0.count == first.count }) {
        let shape = [sizes.reduce(0) { $0 + $1[0] }] + first.dropFirst()
        return ONNXConstant(shape: shape.map { .known($0) }, .floats(floats.flatMap { $0 }))
      }
    }
    throw impossible(node, inputs)
  }

  private func expansion(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    guard inputs.count == 2, let shape = inputs[1].integers, shape.count <= 8 else {
      throw impossible(node, inputs)
    }
    return try spread(inputs[0], over: shape, inputs, node)
  }

  private func tiling(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    guard inputs.count == 2, let repeats = inputs[1].integers,
      repeats.count == inputs[0].shape.count
    else { throw impossible(node, inputs) }
    var shape: [ONNXDimension] = []
    for (size, times) in zip(inputs[0].shape, repeats) {
      guard let product = Self.arithmetic("Mul", size, times) else {
        throw impossible(node, inputs)
      }
      shape.append(product)
    }
    return try spread(inputs[0], over: shape, inputs, node)
  }

  /// One number over a shape; or the same values for a batch of one.
  private func spread(
    _ constant: ONNXConstant, over shape: [ONNXDimension], _ inputs: [ONNXConstant],
    _ node: ONNXNode
  ) throws(ModelFileError) -> ONNXConstant {
    if case .filled(let value) = constant.content {
      return ONNXConstant(shape: shape, .filled(value))
    }
    if case .floats(let values) = constant.content, let value = values.first,
      values.allSatisfy({ $0 == value })
    {
      return ONNXConstant(shape: shape, .filled(value))
    }
    // A state for each of a batch: ones and the batch may grow, and one stream's share stays.
    let old = constant.shape
    let grown = shape.suffix(old.count)
    guard shape.count == old.count,
      zip(old, grown).allSatisfy({ $0 == $1 || ($0 == .known(1) && $1 == .batch) })
    else { throw impossible(node, inputs) }
    return constant
  }

  private func gathering(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    let axis = try node.integer("axis", default: 0)
    guard inputs.count == 2, let indices = inputs[1].knownIntegers, indices.count <= 1 << 16,
      let sizes = inputs[0].sizes
    else { throw impossible(node, inputs) }
    let place = try self.axis(axis, rank: sizes.count, of: node)
    let wrapped = indices.map { $0 < 0 ? $0 + sizes[place] : $0 }
    guard wrapped.allSatisfy((0..<sizes[place]).contains) else { throw impossible(node, inputs) }
    let shape =
      Array(inputs[0].shape[..<place]) + inputs[1].shape + Array(inputs[0].shape[(place + 1)...])
    return try picked(inputs[0], sizes, axis: place, wrapped, shape: shape, inputs, node)
  }

  /// Some positions along one axis.
  private func picked(
    _ constant: ONNXConstant, _ sizes: [Int], axis: Int, _ chosen: [Int], shape: [ONNXDimension],
    _ inputs: [ONNXConstant], _ node: ONNXNode
  ) throws(ModelFileError) -> ONNXConstant {
    if case .filled(let value) = constant.content {
      return ONNXConstant(shape: shape, .filled(value))
    }
    guard let outer = ONNXConstant.count(of: Array(sizes[..<axis])),
      let inner = ONNXConstant.count(of: Array(sizes[(axis + 1)...])),
      let count = ONNXConstant.count(of: [outer, chosen.count, inner]),
      count <= Self.elementCountMax
    else { throw impossible(node, inputs) }
    var positions: [Int] = []
    positions.reserveCapacity(count)
    for block in 0..<outer {
      for index in chosen {
        let start = (block * sizes[axis] + index) * inner
        positions.append(contentsOf: start..<start + inner)
      }
    }
    return constant.picking(positions, shape: shape)
  }

  private func transposition(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    let input = try first(inputs, node)
    let order = try node.integers("perm") ?? Array(input.shape.indices.reversed())
    guard order.sorted() == Array(input.shape.indices) else { throw impossible(node, inputs) }
    let shape = order.map { input.shape[$0] }
    if case .filled(let value) = input.content {
      return ONNXConstant(shape: shape, .filled(value))
    }
    guard let sizes = input.sizes, let count = ONNXConstant.count(of: sizes) else {
      throw impossible(node, inputs)
    }
    var strides = [Int](repeating: 1, count: sizes.count)
    for axis in sizes.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * sizes[axis + 1]
    }
    var positions = [0]
    positions.reserveCapacity(count)
    for axis in order {
      positions = positions.flatMap { start in
        (0..<sizes[axis]).map { start + $0 * strides[axis] }
      }
    }
    return input.picking(positions, shape: shape)
  }

  private func slice(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    let input = try first(inputs, node)
    var result = input
    for cut in try cuts(node, rank: input.shape.count) {
      // An initial state is cut by layers; its other sizes may depend on the stream.
      guard let size = result.shape[cut.axis].size else { throw impossible(node, inputs) }
      let chosen = cut.positions(of: size)
      var shape = result.shape
      shape[cut.axis] = .known(chosen.count)
      if case .filled(let value) = result.content {
        result = ONNXConstant(shape: shape, .filled(value))
        continue
      }
      guard let sizes = result.sizes else { throw impossible(node, inputs) }
      result = try picked(result, sizes, axis: cut.axis, chosen, shape: shape, inputs, node)
    }
    return result
  }

  private func reshaped(
    _ node: ONNXNode, _ inputs: [ONNXConstant]
  ) throws(ModelFileError) -> ONNXConstant {
    let input = try first(inputs, node)
    var result = input
    switch node.kind {
    case "Squeeze":
      let axes = try squeezedAxes(node, rank: input.shape.count) { input.shape[$0] == .known(1) }
      guard axes.allSatisfy({ [.known(1), .batch].contains(input.shape[$0]) }) else {
        throw impossible(node, inputs)
      }
      result.shape = input.shape.indices.filter { !axes.contains($0) }.map { input.shape[$0] }
    case "Unsqueeze":
      let axes = try unsqueezedAxes(node, rank: input.shape.count)
      for axis in axes { result.shape.insert(.known(1), at: axis) }
    default:
      node.ignore("allowzero")
      guard let target = try integers("shape", or: 1, of: node), let sizes = input.sizes,
        let count = ONNXConstant.count(of: sizes), target.filter({ $0 == -1 }).count <= 1
      else { throw impossible(node, inputs) }
      var shape = target.enumerated().map { index, size in
        size == 0 && sizes.indices.contains(index) ? sizes[index] : size
      }
      if let open = shape.firstIndex(of: -1) {
        shape[open] = 1
        guard let known = ONNXConstant.count(of: shape), known > 0 else {
          throw impossible(node, inputs)
        }
        shape[open] = count / known
      }
      guard ONNXConstant.count(of: shape) == count else { throw impossible(node, inputs) }
      result.shape = shape.map { .known($0) }
    }
    return result
  }
}
