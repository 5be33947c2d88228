/// The streams that take one step together.
///
/// It is made once and used again and again: `append` each stream with its input, `Model.step`, read
/// the outputs, `removeAll`. None of these allocates. A batch must not hold the same state twice.
/// It owns its memory, so it cannot be copied.
package struct StepBatch: ~Copyable {
  package let capacity: Int
  /// How many streams it holds.
  package var count: Int { states.count }

  let input: ModelInput
  let layout: StateLayout
  /// Floats from one stream's row to the next.
  let stride: Int
  /// The rows that the next layer reads, and those it writes; swapped after each layer.
  private(set) var source: UnsafeMutablePointer<Float>
  private(set) var target: UnsafeMutablePointer<Float>
  /// The cells' scratch memory.
  let scratch: UnsafeMutablePointer<Float>
  var states: [StreamState] = []
  var tokens: [Int32] = []
  var isMasked: [Bool] = []
  /// Values of each output row; nil before the step.
  var outputWidth: Int?

  // Keep the memory of `source`, `target` and `scratch` alive.
  private let rows: (AlignedFloats, AlignedFloats)
  private let scratchMemory: AlignedFloats

  /// Makes a batch for at most `capacity` streams of a model.
  package init(model: Model, capacity: Int) {
    self.init(model: model, capacity: capacity, layout: model.stateLayout)
  }

  init(model: Model, capacity: Int, layout: StateLayout) {
    precondition(capacity >= 1, "a batch needs room for at least one stream")
    self.capacity = capacity
    self.layout = layout
    input = model.input
    stride = AlignedFloats.padded(model.widestRow)
    rows = (AlignedFloats(count: capacity * stride), AlignedFloats(count: capacity * stride))
    scratchMemory = AlignedFloats(count: model.scratchCount)
    source = rows.0.start
    target = rows.1.start
    scratch = scratchMemory.start
    states.reserveCapacity(capacity)
    tokens.reserveCapacity(capacity)
    isMasked.reserveCapacity(capacity)
  }

  /// Empties the batch; the outputs are gone.
  package mutating func removeAll() {
    states.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
    isMasked.removeAll(keepingCapacity: true)
    outputWidth = nil
  }

  /// Adds a stream whose next step is a token id.
  ///
  /// For a model that takes vectors the id stands for its one-hot row.
  ///
  /// - Precondition: the batch has room and has not been stepped; the id is within the model's
  ///   vocabulary or width; the state is of the batch's model and not in the batch.
  package mutating func append(_ state: StreamState, token: Int32) {
    let row = appendRow(state, token: token)
    switch input {
    case .tokens(let vocabulary):
      precondition(token >= 0 && token < vocabulary, "token \(token) is not in 0..<\(vocabulary)")
    case .vectors(let width):
      precondition(token >= 0 && token < width, "token \(token) is not in 0..<\(width)")
      row.update(repeating: 0, count: width)
      row[Int(token)] = 1
    }
  }

  /// Adds a stream whose next step is a vector, which is copied.
  ///
  /// - Precondition: the batch has room and has not been stepped; the model takes vectors of this
  ///   width; the state is of the batch's model and not in the batch.
  package mutating func append(_ state: StreamState, vector: UnsafeBufferPointer<Float>) {
    guard case .vectors(let width) = input, vector.count == width, let start = vector.baseAddress
    else { preconditionFailure("a vector of \(vector.count) values for a model of \(input)") }
    appendRow(state, token: 0).update(from: start, count: width)
  }

  /// The answer of stream `index`, `outputWidth` values; empty for a one-to-many model.
  ///
  /// It may be read until the batch is next changed.
  package func output(_ index: Int) -> UnsafeBufferPointer<Float> {
    precondition(index >= 0 && index < count, "stream \(index) is not in 0..<\(count)")
    guard let outputWidth else { preconditionFailure("the batch has not been stepped") }
    return UnsafeBufferPointer(start: source + index * stride, count: outputWidth)
  }

  /// Adds a stream and returns its row, to be filled.
  mutating func appendRow(_ state: StreamState, token: Int32) -> UnsafeMutablePointer<Float> {
    precondition(outputWidth == nil, "the batch has been stepped: call removeAll() first")
    precondition(count < capacity, "the batch is full: it has room for \(capacity) streams")
    precondition(
      state.layout.paddedCount == layout.paddedCount, "the state belongs to another model")
    states.append(state)
    tokens.append(token)
    isMasked.append(false)
    return source + (count - 1) * stride
  }

  /// Makes what the last layer wrote the next layer's input.
  mutating func swapRows() { swap(&source, &target) }
}
