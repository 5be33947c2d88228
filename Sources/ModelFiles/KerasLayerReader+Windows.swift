import Recurrence

// Layers over several steps, and those that give rows another shape.
extension KerasLayerReader {
  /// The width of the rows that come in, where the layer's own weights do not tell.
  func knownWidth() throws(ModelFileError) -> Int {
    guard let width = sequence.width else {
      throw options.unsupported(nil, "the width of its input is unknown; add an Input layer")
    }
    return width
  }

  func checkSequence() throws(ModelFileError) {
    guard sequence.isSequence else {
      throw options.unsupported(nil, "needs a sequence, received one row")
    }
  }

  private func checkChannelsLast() throws(ModelFileError) {
    let format = try options.text("data_format", default: "channels_last")
    guard format == "channels_last" else {
      throw options.unsupported("data_format", "is \"\(format)\", expected \"channels_last\"")
    }
  }

  /// What leaves out the first steps and those that a stride skips; none if there are none.
  private func selection(skipped: Int, every: Int) -> [Layer] {
    guard skipped > 0 || every > 1 else { return [] }
    return [.stepSelection(StepSelection(name: name, skipped: skipped, every: every))]
  }

  func conv1D(_ saved: KerasTensors) throws(ModelFileError) -> [Layer] {
    let size = try options.singleSize("kernel_size", default: 0)
    let filters = try options.size("filters")
    let padding = try options.text("padding", default: "valid")
    // One tap looks neither back nor ahead.
    guard ["causal", "valid"].contains(padding) || (size == 1 && padding == "same") else {
      throw options.unsupported(
        "padding",
        "is \"\(padding)\", which needs the steps to come: not streamable; "
          + "expected \"causal\" or \"valid\"")
    }
    guard try options.singleSize("groups", default: 1) == 1 else {
      throw options.unsupported("groups", "is not supported, expected 1")
    }
    try checkChannelsLast()
    let stride = try options.singleSize("strides", default: 1)
    let dilation = try options.singleSize("dilation_rate", default: 1)
    let hasBias = try options.flag("use_bias", default: true)
    let tensors = try saved.named(["kernel"] + (hasBias ? ["bias"] : []))
    let layer = Conv1D(
      name: name, kernelSize: size, dilation: dilation,
      kernel: try tensors.taps(0, size: size, channels: sequence.width, filters: filters),
      bias: hasBias ? try tensors.vector(1, count: filters) : nil,
      activation: try activations.option("activation", default: "linear"))
    return [.conv1D(layer)]
      + selection(skipped: padding == "valid" ? (size - 1) * dilation : 0, every: stride)
  }

  func pooling() throws(ModelFileError) -> [Layer] {
    try checkSequence()
    try checkChannelsLast()
    let size = try options.singleSize("pool_size", default: 2)
    let stride = try options.singleSize("strides", default: size)
    let padding = try options.text("padding", default: "valid")
    guard padding == "valid" || (padding == "same" && size == 1) else {
      throw options.unsupported(
        "padding",
        "is \"\(padding)\", which needs the steps to come: not streamable; "
          + "expected \"valid\"")
    }
    let layer = Pooling1D(
      name: name, kind: layer.className == "MaxPooling1D" ? .maximum : .average, size: size,
      width: try knownWidth())
    return [.pooling1D(layer)] + selection(skipped: size - 1, every: stride)
  }

  func globalPooling() throws(ModelFileError) -> [Layer] {
    try checkSequence()
    try checkChannelsLast()
    if try options.flag("keepdims") {
      throw options.unsupported("keepdims", "is true, expected false")
    }
    return [
      .globalPooling1D(
        GlobalPooling1D(
          name: name, kind: layer.className == "GlobalMaxPooling1D" ? .maximum : .average,
          width: try knownWidth()))
    ]
  }

  /// `Flatten` and `Reshape` may stand where they change nothing.
  func checkReshape() throws(ModelFileError) {
    try checkChannelsLast()
    guard layer.className == "Reshape" else {
      guard !sequence.isSequence else {
        throw options.unsupported(nil, "it joins all steps into one row: not streamable")
      }
      return
    }
    guard !sequence.isMasked else { throw options.losesMask }
    let target = options.value("target_shape")?.array?.map(\.int) ?? []
    let width = target.last ?? nil
    let keepsWidth = width == sequence.width || (width == -1 && !sequence.isSequence)
    guard target.count == (sequence.isSequence ? 2 : 1), keepsWidth, width != nil else {
      throw options.unsupported(
        "target_shape",
        "is \(target.map { $0 ?? -1 }), which mixes steps or values: "
          + "not streamable")
    }
  }

  func rescaling() throws(ModelFileError) -> Layer {
    let width = try knownWidth()
    func values(_ key: String, _ fallback: Float) throws(ModelFileError) -> [Float] {
      guard let value = options.value(key) else {
        return [Float](repeating: fallback, count: width)
      }
      let list = (value.array ?? [value]).compactMap(\.double).map { Float($0) }
      guard list.count == 1 || list.count == width else {
        throw options.unsupported(
          key, "is \(value.shortText), expected one number, or one for each of \(width) values")
      }
      return list.count == 1 ? [Float](repeating: list[0], count: width) : list
    }
    return .scaling(
      Scaling(name: name, scale: try values("scale", 1), offset: try values("offset", 0)))
  }
}
