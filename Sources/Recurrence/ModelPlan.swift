/// How the layers of a model work together: widths, masks, and which of them run when.
///
/// Making one is the check of the whole model.
struct ModelPlan: Sendable {
  /// Values of the input; 0 for tokens.
  let inputWidth: Int
  /// Values that each layer gives.
  private(set) var outputWidths: [Int] = []
  /// For each layer, whether a mask reaches it.
  private(set) var maskReaches: [Bool] = []
  private(set) var shape = SequenceShape.manyToMany
  /// The layers that `Model.step` runs.
  private(set) var streaming: Range<Int>
  /// Between the encoder's recurrent layer and RepeatVector: they run once in `Model.decode`.
  private(set) var bridging: Range<Int>
  /// Behind RepeatVector: they run for each repetition.
  private(set) var decoding: Range<Int>

  private let layers: [Layer]
  private var width: Int
  /// The layer whose mask is live.
  private var maskedBy: Int?
  /// The recurrent layer that ended the sequence, until a RepeatVector starts a new one.
  private var endedBy: Int?
  private var repeatIndex: Int?

  /// Checks the layers from the first to the last.
  init(layers: [Layer], input: ModelInput) throws(ModelError) {
    guard let first = layers.first else { throw .noLayers }
    self.layers = layers
    switch input {
    case .vectors(let width):
      guard width >= 1 else { throw .badInputWidth(received: width) }
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
    width = inputWidth
    streaming = layers.indices
    bridging = layers.count..<layers.count
    decoding = layers.count..<layers.count
    for index in layers.indices { try add(index, input: input) }
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
    if let expected = layer.inputWidth, expected != width {
      throw .wrongInputWidth(layer: place(index), expected: expected, received: width)
    }
    width = layer.outputWidth ?? width
    outputWidths.append(width)
    maskReaches.append(maskedBy != nil)
    try follow(index)
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
      let fault = tensor.values.withUnsafeBufferPointer { values in
        values.firstIndex { !$0.isFinite }
      }
      if let fault {
        throw .notFinite(
          layer: place(index), tensor: tensor.name, index: fault, value: "\(tensor.values[fault])")
      }
    }
  }

  /// Follows the mask and the sequence through one layer.
  private mutating func follow(_ index: Int) throws(ModelError) {
    let layer = layers[index]
    switch layer {
    case .embedding(let embedding):
      if embedding.maskZero { maskedBy = index }
    case .masking:
      maskedBy = index
    case .conv1D:
      if let endedBy { throw .sequenceEnded(layer: place(index), endedBy: place(endedBy)) }
      if let maskedBy { throw .maskNotSupported(layer: place(index), maskedBy: place(maskedBy)) }
    case .simpleRNN, .gru, .lstm, .extendedLSTM:
      if let endedBy { throw .sequenceEnded(layer: place(index), endedBy: place(endedBy)) }
      guard let recurrence = layer.recurrence, !recurrence.returnSequences else { return }
      if repeatIndex != nil { throw .decoderReturnsLast(layer: place(index)) }
      end(index)
    case .lastStep:
      if let endedBy { throw .sequenceEnded(layer: place(index), endedBy: place(endedBy)) }
      if repeatIndex != nil { throw .decoderReturnsLast(layer: place(index)) }
      end(index)
    case .repeatVector(let layer):
      try followRepeat(index, count: layer.count)
    case .dense, .activation, .batchNormalization, .layerNormalization:
      return
    }
  }

  /// Behind this layer there is one row instead of a sequence.
  private mutating func end(_ index: Int) {
    endedBy = index
    maskedBy = nil
    shape = .manyToOne
  }

  private mutating func followRepeat(_ index: Int, count: Int) throws(ModelError) {
    if let repeatIndex { throw .repeatedTwice(layer: place(index), first: place(repeatIndex)) }
    if let maskedBy { throw .maskNotSupported(layer: place(index), maskedBy: place(maskedBy)) }
    guard let last = endedBy else { throw .repeatOfSequence(layer: place(index)) }
    guard layers[last].recurrence != nil else {
      throw .repeatOfOther(layer: place(index), last: place(last))
    }
    if maskReaches[last], layers[last].recurrence?.zeroOutputForMask == true {
      throw .zeroOutputBeforeRepeat(layer: place(last))
    }
    repeatIndex = index
    endedBy = nil
    shape = .oneToMany(count: count)
    streaming = 0..<last + 1
    bridging = last + 1..<index
    decoding = index + 1..<layers.count
  }
}
