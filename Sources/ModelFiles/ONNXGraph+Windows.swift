import Recurrence

// Operators over several steps: convolutions, pooling and what pads them.
extension ONNXGraph {
  /// `Pad` with zeros before the first step; the convolution behind it takes them.
  mutating func pad(_ node: ONNXNode) throws(ModelFileError) {
    var rows = try rows(0, of: node)
    let mode = try node.text("mode", default: "constant")
    guard mode == "constant" else {
      throw node.unsupported("mode", "is \"\(mode)\", expected constant")
    }
    guard let pads = try integers("pads", or: 1, of: node) else {
      throw node.unsupported("pads", "is missing")
    }
    let value =
      node.has("value")
      ? try node.float("value", default: 0) : try constant(2, of: node)?.floats?.first
    guard value ?? 0 == 0 else { throw node.unsupported("value", "is not 0") }
    let rank = rows.axes.count
    let axes = try constant(3, of: node)?.knownIntegers ?? Array(0..<rank)
    guard pads.count == 2 * axes.count else {
      throw node.unsupported("pads", "has \(pads.count) entries, expected \(2 * axes.count)")
    }
    for (index, axis) in axes.enumerated() {
      let (before, behind) = (pads[index], pads[index + axes.count])
      if before == 0 && behind == 0 { continue }
      guard rows.axes[try self.axis(axis, rank: rank, of: node)] == .steps, before >= 0,
        behind == 0
      else {
        throw node.unsupported(
          "pads", "is \(pads): rows are put elsewhere than before the first step: not streamable")
      }
      rows.padding = before
    }
    set(.rows(rows), of: node)
  }

  /// What a window over the steps says of itself.
  private struct Window {
    var size: Int
    var stride: Int
    var dilation: Int
    var padding: Int
    var surplus: Int
    /// Which of the axes behind the second counts the steps.
    var axis: Int
  }

  /// Reads strides, dilations and pads; all axes but that of the steps must be trivial.
  private func window(
    _ node: ONNXNode, _ rows: ONNXRows, shape: [Int]
  ) throws(ModelFileError) -> Window {
    guard rows.axes.count == shape.count + 2, rows.unitsAxis == 1 || rows.unitsAxis == nil,
      let axis = rows.axes.dropFirst(2).firstIndex(of: .steps)
    else {
      throw node.unsupported(nil, "its input's axes are not [batch, values, steps]")
    }
    let place = axis - 2
    let count = shape.count
    let strides = try node.integers("strides") ?? shape.map { _ in 1 }
    let dilations = try node.integers("dilations") ?? shape.map { _ in 1 }
    let pads = try node.integers("pads") ?? shape.flatMap { _ in [0, 0] }
    let way = try node.text("auto_pad", default: "NOTSET")
    guard strides.count == count, dilations.count == count, pads.count == 2 * count,
      way == "NOTSET" || way == "VALID"
    else { throw node.unsupported("auto_pad", "is \"\(way)\", or strides or pads are missing") }
    for index in 0..<count where index != place {
      guard shape[index] == 1, pads[index] == 0, pads[index + count] == 0, strides[index] == 1,
        rows.axes[index + 2] == .one
      else { throw node.unsupported("kernel_shape", "covers more than the steps") }
    }
    let limits = 1...1 << 20
    guard limits.contains(strides[place]), limits.contains(dilations[place]),
      limits.contains(shape[place]), (0...1 << 20).contains(pads[place]),
      (0...1 << 20).contains(pads[place + count])
    else { throw node.unsupported("pads", "or strides or dilations are out of range") }
    return Window(
      size: shape[place], stride: strides[place], dilation: dilations[place],
      padding: pads[place] + rows.padding, surplus: pads[place + count], axis: axis)
  }

  /// Puts the choice of steps behind a window that is computed at every step.
  private mutating func choose(
    _ window: Window, _ rows: ONNXRows, _ node: ONNXNode
  ) throws(ModelFileError) -> ONNXRows {
    let past = (window.size - 1) * window.dilation
    guard window.padding <= past else {
      throw node.unsupported(
        "pads", "puts \(window.padding) rows before the first step, expected at most \(past)")
    }
    var result = rows
    result.padding = 0
    result.surplus = window.surplus
    guard window.padding < past || window.stride > 1 else { return result }
    guard window.surplus == 0 else {
      throw node.unsupported("pads", "puts rows behind the last step: not streamable")
    }
    return add(
      .stepSelection(
        StepSelection(name: node.name, skipped: past - window.padding, every: window.stride)),
      to: result)
  }

  mutating func convolve(_ node: ONNXNode) throws(ModelFileError) {
    var rows = try rowsOrPadded(0, of: node)
    guard rows.surplus == 0, !rows.isTokens else {
      throw node.unsupported(nil, "takes rows behind the last step, which need the future")
    }
    try node.require("group", is: 1)
    guard let weights = try constant(1, of: node), let sizes = weights.sizes, sizes.count >= 3,
      let values = weights.floats
    else { throw node.unsupported("W", "is no constant of [filters, values, taps]") }
    let shape = Array(sizes[2...])
    _ = try node.integers("kernel_shape")
    let window = try window(node, rows, shape: shape)
    let (filters, channels, size) = (sizes[0], sizes[1], window.size)
    guard channels == rows.width, filters > 0 else {
      throw node.unsupported("W", "is for \(channels) values a row, received \(rows.width)")
    }
    var kernel = [Float](repeating: 0, count: values.count)
    for filter in 0..<filters {
      for channel in 0..<channels {
        for tap in 0..<size {
          kernel[(tap * channels + channel) * filters + filter] =
            values[(filter * channels + channel) * size + tap]
        }
      }
    }
    let bias = try self.weights(2, of: node, rank: 1)?.values
    let layer = Conv1D(
      name: node.name, kernelSize: size, dilation: window.dilation,
      kernel: Matrix(rows: size * channels, columns: filters, values: kernel), bias: bias,
      activation: .linear)
    if rows.unitsAxis == nil { rows.axes[1] = .units(1) }
    let result = add(.conv1D(layer), to: rows)
    set(.rows(try choose(window, result, node)), of: node)
  }

  mutating func pool(_ node: ONNXNode) throws(ModelFileError) {
    let rows = try rows(0, of: node)
    node.ignore("storage_order", "count_include_pad")
    try node.require("ceil_mode", is: 0)
    guard let shape = try node.integers("kernel_shape") else {
      throw node.unsupported("kernel_shape", "is missing")
    }
    let window = try window(node, rows, shape: shape)
    guard window.padding == 0, window.surplus == 0, window.dilation == 1 else {
      throw node.unsupported("pads", "or dilations of a pooling are not supported")
    }
    let layer = Pooling1D(
      name: node.name, kind: node.kind == "MaxPool" ? .maximum : .average, size: window.size,
      width: rows.width)
    let result = add(.pooling1D(layer), to: rows)
    set(.rows(try choose(window, result, node)), of: node)
  }

  /// `GlobalMaxPool`, `ReduceMean` and their like over the steps: running values.
  mutating func poolGlobally(_ node: ONNXNode) throws(ModelFileError) {
    let rows = try rows(0, of: node)
    let isReduction = node.kind.hasPrefix("Reduce")
    var axes = Array(2..<max(2, rows.axes.count))
    var keeps = true
    if isReduction {
      node.ignore("noop_with_empty_axes")
      guard let given = try integers("axes", or: 1, of: node) else {
        throw node.unsupported("axes", "is missing: the mean of everything is not supported")
      }
      axes = []
      for axis in given { axes.append(try self.axis(axis, rank: rows.axes.count, of: node)) }
      keeps = try node.integer("keepdims", default: 1) != 0
    }
    guard axes.contains(where: { rows.axes[$0] == .steps }),
      axes.allSatisfy({ rows.axes[$0] == .steps || rows.axes[$0] == .one })
    else {
      throw node.unsupported("axes", "are not those of the steps alone, which is not supported")
    }
    let kind: Pooling1D.Kind =
      ["GlobalMaxPool", "ReduceMax"].contains(node.kind) ? .maximum : .average
    var result = add(
      .globalPooling1D(GlobalPooling1D(name: node.name, kind: kind, width: rows.width)), to: rows)
    for axis in axes { result.axes[axis] = .one }
    if !keeps {
      result.axes = result.axes.indices.filter { !axes.contains($0) }.map { result.axes[$0] }
    }
    set(.rows(result), of: node)
  }
}
