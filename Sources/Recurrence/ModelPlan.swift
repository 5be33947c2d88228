/// How the layers of a model work together: widths, masks, and which of them run when.
///
/// Making one is the check of the whole model.
struct ModelPlan: Sendable {
  /// Floats of state that one stream may have: 256 MB.
  static let stateFloatsMax = 1 << 26

  /// Values of the input; 0 for tokens.
  let inputWidth: Int
  /// Values that each layer gives.
  private(set) var outputWidths: [Int] = []
  /// For each layer, whether a mask reaches it.
  private(set) var maskReaches: [Bool] = []
  /// For each layer, whether steps that are left out reach it: a mask of its kind.
  private(set) var leavesOut: [Bool] = []
  /// Values of the row in each slot of the branches.
  private(set) var slotWidths: [Int] = []
  private(set) var shape = SequenceShape.manyToMany
  /// The layers that `Model.step` runs.
  private(set) var streaming: Range<Int>
  /// Between the encoder's recurrent layer and RepeatVector: they run once in `Model.decode`.
  private(set) var bridging: Range<Int>
  /// Behind RepeatVector: they run for each repetition.
  private(set) var decoding: Range<Int>

  /// What is known of the rows between two layers.
  private struct Rows {
    var width: Int
    /// The layer whose mask is live.
    var maskedBy: Int?
    /// The layer that leaves out steps of the sequence.
    var leftOutBy: Int?
    /// The layer that ended the sequence, until a RepeatVector starts a new one.
    var endedBy: Int?
  }

  private let layers: [Layer]
  private var rows: Rows
  /// What is in each slot; nil before it is kept.
  private var slots: [Rows?] = []
  private var repeatIndex: Int?
  private var stateFloats = 0

  /// Checks the layers from the first to the last.
  init(layers: [Layer], input: ModelInput) throws(ModelError) {
    guard let first = layers.first else { throw .noLayers }
    self.layers = layers
    switch input {
    case .vectors(let width):
      guard (1...1 << 24).contains(width) else { throw .badInputWidth(received: width) }
      inputWidth = width
    case .tokens(let vocabulary):
      inputWidth = 0
      guard case .embedding(let embedding) = first else {
        throw .tokensWithoutEmbedding(layer: Self.place(layers, 0))
      }
      guard embedding.vocabulary == vocabulary else {
        throw .wrongVocabulary(
          layer: Self.place(layers, 0), expected: vocabulary, received: embedding.vocabulary)
      }
    }
    rows = Rows(width: inputWidth)
    streaming = layers.indices
    bridging = layers.count..<layers.count
    decoding = layers.count..<layers.count
    for index in layers.indices { try add(index, input: input) }
    if let leftOutBy = rows.leftOutBy, repeatIndex == nil {
      guard case .lastAnswer = layers[layers.count - 1] else {
        throw .noLastAnswer(layer: place(layers.count - 1), leftOutBy: place(leftOutBy))
      }
    }
  }

  private static func place(_ layers: [Layer], _ index: Int) -> LayerPlace {
    LayerPlace(index: index, name: layers[index].name, kindName: layers[index].kindName)
  }

  private func place(_ index: Int) -> LayerPlace { Self.place(layers, index) }

  private mutating func add(_ index: Int, input: ModelInput) throws(ModelError) {
    let layer = layers[index]
    try checkItself(index)
    if case .embedding = layer {
      if index > 0 { throw .embeddingOfVectors(layer: place(index)) }
      if case .vectors = input { throw .embeddingOfVectors(layer: place(index)) }
    }
    if let expected = layer.inputWidth, expected != rows.width {
      throw .wrongInputWidth(layer: place(index), expected: expected, received: rows.width)
    }
    maskReaches.append(rows.maskedBy != nil || rows.leftOutBy != nil)
    leavesOut.append(rows.leftOutBy != nil)
    rows.width = layer.outputWidth ?? rows.width
    try follow(index)
    outputWidths.append(rows.width)
    try countState(index)
  }

  private mutating func countState(_ index: Int) throws(ModelError) {
    for row in layers[index].stateRows(outputWidth: rows.width) {
      // Each row is padded to a whole vector.
      stateFloats += AlignedFloats.padded(row.width)
      guard stateFloats <= Self.stateFloatsMax else {
        throw .stateTooLarge(layer: place(index), floats: stateFloats)
      }
    }
  }

  /// The weights and options of one layer, without its neighbours.
  private func checkItself(_ index: Int) throws(ModelError) {
    let layer = layers[index]
    for option in layer.options where !option.isSound {
      throw .badOption(
        layer: place(index), option: option.name, expected: option.expected,
        received: option.received)
    }
    for tensor in layer.tensors {
      guard tensor.received == tensor.expected else {
        throw .wrongShape(
          layer: place(index), tensor: tensor.name, expected: tensor.expected,
          received: tensor.received)
      }
      // Those that are packed are checked on the way, while they are in cache.
      guard let values = tensor.values, !layer.packedTensors.contains(tensor.name) else { continue }
      let fault = values.withUnsafeBufferPointer { $0.firstNotFinite }
      if let fault {
        throw .notFinite(
          layer: place(index), tensor: tensor.name, index: fault, value: "\(values[fault])")
      }
    }
  }

  /// Follows the mask and the sequence through one layer.
  private mutating func follow(_ index: Int) throws(ModelError) {
    let layer = layers[index]
    switch layer {
    case .embedding(let embedding):
      if embedding.maskZero { rows.maskedBy = index }
    case .masking:
      if let leftOutBy = rows.leftOutBy {
        throw .stepsLeftOut(layer: place(index), leftOutBy: place(leftOutBy))
      }
      rows.maskedBy = index
    case .conv1D, .pooling1D, .stepSelection:
      try checkSequence(index)
      if let maskedBy = rows.maskedBy {
        throw .maskNotSupported(layer: place(index), maskedBy: place(maskedBy))
      }
      if case .stepSelection = layer { rows.leftOutBy = index }
    case .simpleRNN, .gru, .lstm, .extendedLSTM:
      try checkSequence(index)
      guard let recurrence = layer.recurrence else { return }
      if let leftOutBy = rows.leftOutBy, recurrence.zeroOutputForMask {
        throw .stepsLeftOut(layer: place(index), leftOutBy: place(leftOutBy))
      }
      if !recurrence.returnSequences { try end(index) }
    case .lastStep:
      try checkSequence(index)
      try end(index)
    case .globalPooling1D(let pooling):
      try checkSequence(index)
      // The mean of no steps is none: there is no row until one is not masked.
      let waits = pooling.kind == .average && rows.maskedBy != nil
      try end(index)
      if waits { rows.leftOutBy = index }
    case .repeatVector(let layer):
      try followRepeat(index, count: layer.count)
    case .branch(let branch):
      try follow(branch, index)
    case .startingState(let layer):
      try follow(layer, index)
    case .dense, .activation, .batchNormalization, .layerNormalization, .scaling, .normalization,
      .rmsNormalization, .lastAnswer:
      return
    }
  }

  /// The next layer must have just these rows of state, in the stream's own memory.
  private func follow(_ start: StartingState, _ index: Int) throws(ModelError) {
    if repeatIndex != nil { throw .decoderReturnsLast(layer: place(index)) }
    let next = index + 1 < layers.count ? layers[index + 1] : nil
    let expected = next?.recurrence == nil ? [] : next?.stateRows(outputWidth: 0).map(\.width) ?? []
    let received = [start.h.count] + (start.c.map { [$0.count] } ?? [])
    guard expected == received else {
      throw .wrongShape(
        layer: place(index), tensor: "initial_h, initial_c", expected: expected,
        received: received)
    }
  }

  private func checkSequence(_ index: Int) throws(ModelError) {
    if let endedBy = rows.endedBy {
      throw .sequenceEnded(layer: place(index), endedBy: place(endedBy))
    }
  }

  /// Behind this layer there is one row instead of a sequence.
  private mutating func end(_ index: Int) throws(ModelError) {
    if repeatIndex != nil { throw .decoderReturnsLast(layer: place(index)) }
    rows.endedBy = index
    rows.maskedBy = nil
    shape = .manyToOne
  }

  private mutating func followRepeat(_ index: Int, count: Int) throws(ModelError) {
    if let repeatIndex { throw .repeatedTwice(layer: place(index), first: place(repeatIndex)) }
    if let maskedBy = rows.maskedBy {
      throw .maskNotSupported(layer: place(index), maskedBy: place(maskedBy))
    }
    if let leftOutBy = rows.leftOutBy {
      throw .stepsLeftOut(layer: place(index), leftOutBy: place(leftOutBy))
    }
    guard let last = rows.endedBy else { throw .repeatOfSequence(layer: place(index)) }
    // Its row is taken from that layer's h, so that one path alone may lead from there to here.
    let bridge = last + 1..<index
    guard layers[last].recurrence != nil, layers[bridge].allSatisfy({ !$0.isBranch }) else {
      throw .repeatOfOther(layer: place(index), last: place(last))
    }
    if maskReaches[last], layers[last].recurrence?.zeroOutputForMask == true {
      throw .zeroOutputBeforeRepeat(layer: place(last))
    }
    repeatIndex = index
    rows.endedBy = nil
    shape = .oneToMany(count: count)
    streaming = 0..<last + 1
    bridging = bridge
    decoding = index + 1..<layers.count
  }

  // MARK: Branches

  private mutating func follow(_ branch: Branch, _ index: Int) throws(ModelError) {
    if let repeatIndex { throw .branchBehindRepeat(layer: place(index), first: place(repeatIndex)) }
    switch branch.kind {
    case .keep(let slot):
      while slots.count <= slot {
        slots.append(nil)
        slotWidths.append(0)
      }
      guard slots[slot] == nil else {
        throw .badOption(
          layer: place(index), option: "slot", expected: "one of its own", received: "\(slot)")
      }
      slots[slot] = rows
      slotWidths[slot] = rows.width
    case .recall(let slot):
      rows = try kept(slot, index)
    case .join(let join, let slots):
      rows = try joined(join, slots, index)
    }
    shape = rows.endedBy == nil ? .manyToMany : .manyToOne
  }

  private func kept(_ slot: Int, _ index: Int) throws(ModelError) -> Rows {
    guard slots.indices.contains(slot), let rows = slots[slot] else {
      throw .emptySlot(layer: place(index), slot: slot)
    }
    return rows
  }

  /// Rows can be joined that are of the same steps, masked by the same layer.
  private func joined(
    _ join: Branch.Join, _ slots: [Int], _ index: Int
  ) throws(ModelError) -> Rows {
    var result = try kept(slots[0], index)
    for slot in slots.dropFirst() {
      let other = try kept(slot, index)
      guard (other.endedBy == nil) == (result.endedBy == nil), other.maskedBy == result.maskedBy,
        other.leftOutBy == result.leftOutBy || isRunning(other) && isRunning(result)
      else { throw .joinOfOtherSteps(layer: place(index)) }
      if join == .concatenate {
        result.width += other.width
      } else if other.width != result.width {
        throw .wrongInputWidth(
          layer: place(index), expected: result.width, received: other.width)
      }
      result.leftOutBy = result.leftOutBy ?? other.leftOutBy
    }
    return result
  }

  /// Whether there is a row at every step once there has been one, though steps are left out.
  private func isRunning(_ rows: Rows) -> Bool {
    guard let endedBy = rows.endedBy else { return false }
    if rows.leftOutBy == nil { return true }
    if case .globalPooling1D = layers[endedBy] { return true }
    return false
  }
}
