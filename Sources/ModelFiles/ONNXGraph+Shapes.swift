import Recurrence

// Operators that rename, move and choose axes of rows.
extension ONNXGraph {
  // MARK: Their arguments

  /// The parts of a `Slice`, whose arguments were attributes before version 10.
  func cuts(_ node: ONNXNode, rank: Int) throws(ModelFileError) -> [ONNXCut] {
    guard let starts = try integers("starts", or: 1, of: node),
      let ends = try integers("ends", or: 2, of: node)
    else { throw node.unsupported("starts", "is missing") }
    let axes = try integers("axes", or: 3, of: node) ?? Array(starts.indices)
    let steps = try integers("steps", or: 4, of: node) ?? starts.map { _ in 1 }
    guard starts.count == ends.count, axes.count == starts.count, steps.count == starts.count else {
      throw node.unsupported("starts", "has another number of entries than ends, axes or steps")
    }
    var cuts: [ONNXCut] = []
    for index in starts.indices {
      cuts.append(
        ONNXCut(
          axis: try axis(axes[index], rank: rank, of: node), start: starts[index],
          end: ends[index], step: steps[index]))
    }
    return cuts
  }

  func squeezedAxes(
    _ node: ONNXNode, rank: Int, isOne: (Int) -> Bool
  ) throws(ModelFileError) -> [Int] {
    guard let given = try integers("axes", or: 1, of: node) else {
      return (0..<rank).filter(isOne)
    }
    var axes: [Int] = []
    for axis in given { axes.append(try self.axis(axis, rank: rank, of: node)) }
    return axes
  }

  /// In order, as places in the result.
  func unsqueezedAxes(_ node: ONNXNode, rank: Int) throws(ModelFileError) -> [Int] {
    guard let given = try integers("axes", or: 1, of: node), given.count + rank <= 8 else {
      throw node.unsupported("axes", "is missing")
    }
    var axes: [Int] = []
    for axis in given { axes.append(try self.axis(axis, rank: rank + given.count, of: node)) }
    guard Set(axes).count == axes.count else { throw node.unsupported("axes", "has one twice") }
    return axes.sorted()
  }

  // MARK: Rows

  mutating func shape(_ node: ONNXNode) throws(ModelFileError) {
    let sizes: [ONNXDimension]
    switch try input(0, of: node) {
    case .rows(let rows):
      sizes = rows.axes.map { size(of: $0) }
    case .constant(let constant): sizes = constant.shape
    default: throw node.unsupported(nil, "of a state that the caller carries is not supported")
    }
    let start = try node.integer("start", default: 0)
    let end = try node.integer("end", default: sizes.count)
    let range = ONNXCut(axis: 0, start: start, end: end, step: 1).positions(of: sizes.count)
    set(.constant(ONNXConstant(integers: range.map { sizes[$0] })), of: node)
  }

  func size(of axis: ONNXRows.Axis) -> ONNXDimension {
    switch axis {
    case .batch: batchSize.map { .known($0) } ?? .batch
    case .steps: stepCount.map { .known($0) } ?? .steps
    case .one: .known(1)
    case .units(let count): .known(count)
    }
  }

  mutating func transpose(_ node: ONNXNode) throws(ModelFileError) {
    var rows = try rowsOrPadded(0, of: node)
    let order = try node.integers("perm") ?? Array(rows.axes.indices.reversed())
    guard order.sorted() == Array(rows.axes.indices) else {
      throw node.unsupported("perm", "is \(order) for a tensor of \(rows.axes.count) axes")
    }
    rows.axes = order.map { rows.axes[$0] }
    set(.rows(rows), of: node)
  }

  mutating func squeeze(_ node: ONNXNode) throws(ModelFileError) {
    var rows = try rowsOrPadded(0, of: node)
    let axes = try squeezedAxes(node, rank: rows.axes.count) { rows.axes[$0] == .one }
    for axis in axes where !isSingle(rows.axes[axis]) {
      throw node.unsupported("axes", "has axis \(axis), which is not of size 1")
    }
    rows.axes = rows.axes.indices.filter { !axes.contains($0) }.map { rows.axes[$0] }
    set(.rows(rows), of: node)
  }

  /// Whether an axis is of size 1 for one stream.
  private func isSingle(_ axis: ONNXRows.Axis) -> Bool {
    switch axis {
    case .one, .units(1): true
    case .batch: (batchSize ?? 1) == 1
    case .steps: stepCount == 1
    case .units: false
    }
  }

  mutating func unsqueeze(_ node: ONNXNode) throws(ModelFileError) {
    var rows = try rowsOrPadded(0, of: node)
    for axis in try unsqueezedAxes(node, rank: rows.axes.count) { rows.axes.insert(.one, at: axis) }
    set(.rows(rows), of: node)
  }

  /// `Reshape` and `Flatten`: the axes other than 1 must stay the same, in the same order.
  mutating func reshape(_ node: ONNXNode) throws(ModelFileError) {
    var rows = try rows(0, of: node)
    let target: [ONNXDimension]
    if node.kind == "Flatten" {
      let axis = try node.integer("axis", default: 1)
      let place = axis < 0 ? axis + rows.axes.count : axis
      let before = rows.axes.prefix(max(0, place)).filter { $0 != .one && $0 != .batch }
      // Whatever is before the axis becomes one, and whatever is behind it.
      target = before.isEmpty ? [.known(1), .known(-1)] : [.known(-1), .known(rows.width)]
    } else {
      try node.require("allowzero", is: 0)
      guard let shape = try constant(1, of: node)?.integers else {
        throw node.unsupported("shape", "is no constant")
      }
      target = shape
    }
    guard let axes = reshaped(rows.axes, to: target) else {
      throw node.unsupported(
        "shape",
        "from \(rows.axes.map { size(of: $0) }) to \(target) mixes steps or values: "
          + "not streamable")
    }
    rows.axes = axes
    set(.rows(rows), of: node)
  }

  /// Nil if the axes do not survive; axes of size 1 come and go.
  private func reshaped(_ axes: [ONNXRows.Axis], to target: [ONNXDimension]) -> [ONNXRows.Axis]? {
    let hasManyStreams = (batchSize ?? 1) > 1
    func matters(_ axis: ONNXRows.Axis) -> Bool {
      axis == .batch ? hasManyStreams : axis != .one
    }
    let old = axes.filter(matters)
    var next = 0
    var result: [ONNXRows.Axis] = []
    for (index, size) in target.enumerated() {
      switch size {
      case .known(0):
        guard axes.indices.contains(index) else { return nil }
        if matters(axes[index]) {
          guard next < old.count, old[next] == axes[index] else { return nil }
          next += 1
        }
        result.append(axes[index])
      case .known(-1):
        // It takes what those behind it leave.
        let rest = target[(index + 1)...].filter { $0 != .known(1) && $0 != .batch }.count
        switch old.count - next - rest {
        case 0: result.append(.one)
        case 1:
          result.append(old[next])
          next += 1
        default: return nil
        }
      case .known(1) where !(next < old.count && old[next] == .units(1)): result.append(.one)
      case .batch where !hasManyStreams: result.append(.batch)
      default:
        guard next < old.count, size == self.size(of: old[next]) else { return nil }
        result.append(old[next])
        next += 1
      }
    }
    return next == old.count ? result : nil
  }

  /// `Gather` of rows by one constant index, or of an embedding's rows by token ids.
  mutating func gather(_ node: ONNXNode) throws(ModelFileError) {
    let axis = try node.integer("axis", default: 0)
    if case .constant = try input(0, of: node) {
      try embed(node, axis)
      return
    }
    var rows = try rows(0, of: node)
    guard let indices = try constant(1, of: node), let list = indices.knownIntegers,
      list.count == 1
    else { throw node.unsupported("indices", "are not one constant") }
    let place = try self.axis(axis, rank: rows.axes.count, of: node)
    let keeps = !indices.shape.isEmpty
    switch rows.axes[place] {
    case .steps:
      guard list[0] == -1 || list[0] == stepCount.map({ $0 - 1 }) else {
        throw node.unsupported(
          "indices", "takes step \(list[0]), expected the last, -1: not streamable")
      }
      rows = add(.lastStep(LastStep(name: node.name)), to: rows)
    case .units(let count) where count > 1:
      throw node.unsupported("axis", "takes some of the values of a row, which is not supported")
    case .batch where (batchSize ?? 1) > 1:
      throw node.unsupported("axis", "takes one of \(batchSize ?? 1) streams: not streamable")
    default:
      guard list[0] == 0 || list[0] == -1 else {
        throw node.unsupported("indices", "are \(list[0]) for an axis of size 1")
      }
    }
    rows.axes[place] = .one
    if !keeps { rows.axes.remove(at: place) }
    set(.rows(rows), of: node)
  }

  private mutating func embed(_ node: ONNXNode, _ axis: Int) throws(ModelFileError) {
    let table = try requiredWeights(0, of: node, rank: 2)
    var rows = try rows(1, of: node)
    guard rows.isTokens, rows.unitsAxis == nil, axis == 0 || axis == -2 else {
      throw node.unsupported(nil, "takes rows of a table by something else than token ids")
    }
    let layer = Layer.embedding(
      Embedding(
        name: node.name,
        embeddings: Matrix(
          rows: table.sizes[0], columns: table.sizes[1], values: table.values),
        maskZero: false))
    rows.isTokens = false
    rows.axes.append(.units(table.sizes[1]))
    rows.width = table.sizes[1]
    rows.value = layers.add(layer, to: rows.value)
    set(.rows(rows), of: node)
  }

  mutating func slice(_ node: ONNXNode) throws(ModelFileError) {
    var rows = try rowsOrPadded(0, of: node)
    for cut in try cuts(node, rank: rows.axes.count) {
      let axis = rows.axes[cut.axis]
      if cut.step != 1 {
        throw node.unsupported("steps", "is \(cut.step), expected 1: not streamable")
      }
      if axis == .steps {
        try cutSteps(cut, &rows, node)
        continue
      }
      guard
        let size = size(of: axis).size.map({ axis == .batch ? 1 : $0 })
          ?? (axis == .batch ? 1 : nil),
        cut.isWhole || cut.positions(of: size).count == size
      else {
        throw node.unsupported("axes", "cuts the values of a row, which is not supported")
      }
    }
    set(.rows(rows), of: node)
  }

  /// All steps, the last one, or all but what a padded convolution gave too many.
  private mutating func cutSteps(
    _ cut: ONNXCut, _ rows: inout ONNXRows, _ node: ONNXNode
  ) throws(ModelFileError) {
    if rows.surplus > 0, cut.start == 0, cut.end == -rows.surplus {
      rows.surplus = 0
      return
    }
    let positions = stepCount.map { cut.positions(of: $0) }
    if cut.isWhole || positions?.count == stepCount && stepCount != nil { return }
    guard cut.isLast || positions == stepCount.map({ [$0 - 1] }) && stepCount != nil,
      rows.surplus == 0, rows.padding == 0
    else {
      throw node.unsupported(
        "starts",
        "takes steps \(cut.start) to \(cut.end), expected all or the last: "
          + "not streamable")
    }
    rows = add(.lastStep(LastStep(name: node.name)), to: rows)
    rows.axes[cut.axis] = .one
  }
}
