/// The rows that are stepped together: one step or several of each of some streams.
///
/// It is made once and used again and again: `append` each stream with its input, `Model.step`, read
/// the outputs, `removeAll`. None of these allocates or counts references. Rows that follow each other
/// with one state are consecutive steps of its stream; a stream has no others in the batch.
/// It owns its memory, so it cannot be copied.
package struct StepBatch: ~Copyable {
  package let capacity: Int
  /// How many rows it holds.
  package private(set) var count = 0

  let input: ModelInput
  let layout: StateLayout
  /// Floats from one row to the next.
  let stride: Int
  /// How many streams they are of.
  private(set) var streamCount = 0
  /// Rows of the stream that has most.
  private(set) var mostSteps = 0
  /// Values of each output row; nil before the step.
  var outputWidth: Int?
  /// How many rows were given as tokens.
  private var tokenCount = 0

  // The rows that the next layer reads, and those it writes; swapped after each layer.
  private(set) var source: UnsafeMutablePointer<Float>
  private(set) var target: UnsafeMutablePointer<Float>
  private var sourcePointers: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  private var targetPointers: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>

  /// The state of each row's stream.
  let states: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
  /// The first row of each stream, and behind the last one `count`.
  private let starts: UnsafeMutablePointer<Int>
  /// Some of the rows, as a layer goes through them.
  let rows: UnsafeMutablePointer<Int>
  /// The token of each row, -1 for a vector.
  let tokens: UnsafeMutablePointer<Int32>
  let isMasked: UnsafeMutablePointer<Bool>

  // What a recurrent layer's step is called with: the rows of the streams that take it.
  let x: UnsafeMutablePointer<UnsafePointer<Float>?>
  let h: UnsafeMutablePointer<UnsafePointer<Float>?>
  let output: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  let c: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  /// The same for a convolution, `tapRoom` pointers.
  let taps: UnsafeMutablePointer<UnsafePointer<Float>?>
  let tapRoom: Int
  // The rows of the model's branches: `capacity` rows for each slot, and whether they are masked.
  private let keptRows: UnsafeMutablePointer<Float>
  private let keptMasks: UnsafeMutablePointer<Bool>
  /// Scratch memory of the kernels, and of the plain layers.
  let scratch: UnsafeMutableRawPointer
  let plainScratch: UnsafeMutablePointer<Float>

  private let memory: [AlignedFloats]

  /// Makes a batch for at most `capacity` rows of a model.
  package init(model: Model, capacity: Int) {
    self.init(model: model, capacity: capacity, layout: model.stateLayout)
  }

  init(model: Model, capacity: Int, layout: StateLayout) {
    precondition(capacity >= 1, "a batch needs room for at least one row")
    self.capacity = capacity
    self.layout = layout
    input = model.input
    let stride = AlignedFloats.padded(model.widestRow)
    self.stride = stride
    let source = AlignedFloats(count: capacity * stride)
    let target = AlignedFloats(count: capacity * stride)
    let scratch = AlignedFloats(count: model.program.scratchBytes / MemoryLayout<Float>.stride + 1)
    let plainScratch = AlignedFloats(count: model.scratchCount)
    let kept = AlignedFloats(count: model.plan.slotWidths.count * capacity * stride)
    keptRows = kept.start
    keptMasks = .allocate(capacity: max(1, model.plan.slotWidths.count * capacity))
    keptMasks.initialize(repeating: false, count: model.plan.slotWidths.count * capacity)
    memory = [source, target, scratch, plainScratch, kept]
    self.source = source.start
    self.target = target.start
    self.scratch = UnsafeMutableRawPointer(scratch.start)
    self.plainScratch = plainScratch.start
    sourcePointers = .allocate(capacity: capacity)
    targetPointers = .allocate(capacity: capacity)
    for index in 0..<capacity {
      (sourcePointers + index).initialize(to: source.start + index * stride)
      (targetPointers + index).initialize(to: target.start + index * stride)
    }
    states = .allocate(capacity: capacity)
    starts = .allocate(capacity: capacity + 1)
    rows = .allocate(capacity: capacity)
    tokens = .allocate(capacity: capacity)
    isMasked = .allocate(capacity: capacity)
    x = .allocate(capacity: capacity)
    h = .allocate(capacity: capacity)
    output = .allocate(capacity: capacity)
    c = .allocate(capacity: capacity)
    tapRoom = max(capacity, model.widestTaps)
    taps = .allocate(capacity: tapRoom)
  }

  deinit {
    sourcePointers.deallocate()
    targetPointers.deallocate()
    states.deallocate()
    starts.deallocate()
    rows.deallocate()
    tokens.deallocate()
    isMasked.deallocate()
    x.deallocate()
    h.deallocate()
    output.deallocate()
    c.deallocate()
    taps.deallocate()
    keptMasks.deallocate()
  }

  /// Empties the batch; the outputs are gone.
  package mutating func removeAll() {
    count = 0
    tokenCount = 0
    streamCount = 0
    mostSteps = 0
    outputWidth = nil
  }

  /// Adds a stream's step whose input is a token id.
  ///
  /// For a model that takes vectors the id stands for its one-hot row. The batch does not keep the
  /// state alive: the caller must until the step is done.
  ///
  /// - Precondition: the batch has room and has not been stepped; the id is within the model's
  ///   vocabulary or width; the state is of the batch's model.
  package mutating func append(_ state: StreamState, token: Int32) {
    switch input {
    case .tokens(let vocabulary):
      precondition(token >= 0 && token < vocabulary, "token \(token) is not in 0..<\(vocabulary)")
    case .vectors(let width):
      precondition(token >= 0 && token < width, "token \(token) is not in 0..<\(width)")
    }
    _ = appendRow(state, token: token)
    tokenCount += 1
  }

  /// Adds a stream's step whose input is a vector, which is copied.
  ///
  /// The batch does not keep the state alive: the caller must until the step is done.
  ///
  /// - Precondition: the batch has room and has not been stepped; the model takes vectors of this
  ///   width; the state is of the batch's model.
  package mutating func append(_ state: StreamState, vector: UnsafeBufferPointer<Float>) {
    guard case .vectors(let width) = input, vector.count == width, let start = vector.baseAddress
    else { preconditionFailure("a vector of \(vector.count) values for a model of \(input)") }
    appendRow(state, token: -1).update(from: start, count: width)
  }

  /// The answer of row `index`, `outputWidth` values; empty for a one-to-many model.
  ///
  /// It may be read until the batch is next changed.
  package func output(_ index: Int) -> UnsafeBufferPointer<Float> {
    precondition(index >= 0 && index < count, "row \(index) is not in 0..<\(count)")
    guard let outputWidth else { preconditionFailure("the batch has not been stepped") }
    return UnsafeBufferPointer(start: source + index * stride, count: outputWidth)
  }

  /// Adds a row and returns it, to be filled.
  @inline(__always)
  mutating func appendRow(_ state: StreamState, token: Int32) -> UnsafeMutablePointer<Float> {
    precondition(outputWidth == nil, "the batch has been stepped: call removeAll() first")
    precondition(count < capacity, "the batch is full: it has room for \(capacity) rows")
    precondition(
      state.layout.paddedCount == layout.paddedCount, "the state belongs to another model")
    if count == 0 || state.start != states[count - 1] {
      (starts + streamCount).initialize(to: count)
      streamCount += 1
    }
    (states + count).initialize(to: state.start)
    (tokens + count).initialize(to: token)
    (isMasked + count).initialize(to: false)
    count += 1
    (starts + streamCount).initialize(to: count)
    mostSteps = max(mostSteps, count - starts[streamCount - 1])
    return source + (count - 1) * stride
  }

  // MARK: For the layers

  /// The same pointers as `writableSourceRows`, to read through.
  var sourceRows: UnsafePointer<UnsafePointer<Float>?> {
    UnsafeRawPointer(sourcePointers).assumingMemoryBound(to: UnsafePointer<Float>?.self)
  }
  var writableSourceRows: UnsafePointer<UnsafeMutablePointer<Float>?> {
    UnsafePointer(sourcePointers)
  }
  var targetRows: UnsafePointer<UnsafeMutablePointer<Float>?> { UnsafePointer(targetPointers) }
  func targetRow(_ index: Int) -> UnsafeMutablePointer<Float> { target + index * stride }

  /// The place of one row in a slot of the model's branches.
  func kept(
    _ slot: Int, _ row: Int
  ) -> (row: UnsafeMutablePointer<Float>, isMasked: UnsafeMutablePointer<Bool>) {
    let index = slot * capacity + row
    return (keptRows + index * stride, keptMasks + index)
  }

  /// Puts the rows that are the streams' steps of number `round` into `rows`; how many they are.
  func selectRows(ofRound round: Int) -> Int {
    var selected = 0
    for stream in 0..<streamCount {
      let row = starts[stream] + round
      guard row < starts[stream + 1] else { continue }
      rows[selected] = row
      selected += 1
    }
    return selected
  }
  /// The last row of a stream.
  func lastRow(of stream: Int) -> Int { starts[stream + 1] - 1 }

  /// Whether a token table can stand in for the input of every row.
  var holdsTokensOnly: Bool { tokenCount == count }

  /// Writes out the one-hot rows of the tokens of a model that takes vectors.
  mutating func fillOneHotRows() {
    guard tokenCount > 0, case .vectors(let width) = input else { return }
    for index in 0..<count where tokens[index] >= 0 {
      let row = source + index * stride
      row.update(repeating: 0, count: width)
      row[Int(tokens[index])] = 1
    }
  }

  /// Makes what the last layer wrote the next layer's input.
  mutating func swapRows() {
    swap(&source, &target)
    swap(&sourcePointers, &targetPointers)
  }
}
