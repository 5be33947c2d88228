import CRecurrentKernels

/// One layer as `StepProgram` runs it.
///
/// It holds plain pointers into memory of the program and of its model's weights, so that running it
/// counts no references.
struct StepOperation: BitwiseCopyable {
  enum Kind: BitwiseCopyable {
    case embedding(rows: UnsafePointer<Float>, masksZero: Bool)
    case recurrent(RecurrentOperation)
    case dense(OpaquePointer, RowFunction)
    case convolution(ConvolutionOperation)
    case activation(RowFunction)
    case scaling(scale: UnsafePointer<Float>, offset: UnsafePointer<Float>)
    case layerNormalization(
      gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>, epsilon: Float)
    /// By the plain layer itself, stream by stream.
    case plain
  }

  let kind: Kind
  /// Which layer of the model it is.
  let index: Int
  let inputWidth: Int
  let outputWidth: Int
  /// Where the layer's rows start in the stream's state.
  let stateOffset: Int
  /// Whether a stream's step may be masked here.
  let maskReaches: Bool
}

/// A SimpleRNN, GRU or LSTM packed for the kernels.
struct RecurrentOperation: BitwiseCopyable {
  let cell: OpaquePointer
  /// Projected rows of every token, one after the other, where tokens feed the layer directly.
  let table: UnsafePointer<Float>?
  /// Floats of a row of the table.
  let rowWidth: Int
  /// Whether there is a c behind h.
  let hasCellState: Bool
  let activation: mr_activation
  let recurrentActivation: mr_activation
  let zeroOutputForMask: Bool

  func tableRow(_ token: Int32) -> UnsafePointer<Float>? {
    table.map { $0 + Int(token) * rowWidth }
  }

  /// Whether the kernels' own gates, tanh and sigmoid, are what the layer wants.
  var hasUsualGates: Bool { activation.apply == nil && recurrentActivation.apply == nil }

  /// One step of `count` streams; `isProjected` says that `x` holds rows of the table.
  func step(
    _ count: Int, x: UnsafePointer<UnsafePointer<Float>?>, isProjected: Bool,
    h: UnsafePointer<UnsafePointer<Float>?>, output: UnsafePointer<UnsafeMutablePointer<Float>?>,
    c: UnsafePointer<UnsafeMutablePointer<Float>?>, scratch: UnsafeMutableRawPointer
  ) {
    let count = Int32(count)
    let c = hasCellState ? c : nil
    if !hasUsualGates {
      mr_step_with(
        cell, activation, recurrentActivation, isProjected, count, x, h, output, c, scratch)
    } else if isProjected {
      mr_step_projected(cell, count, x, h, output, c, scratch)
    } else {
      mr_step(cell, count, x, h, output, c, scratch)
    }
  }
}

/// A causal Conv1D packed for the kernels.
struct ConvolutionOperation: BitwiseCopyable {
  let dense: OpaquePointer
  let taps: Int
  let dilation: Int
  let pastCount: Int
  /// Floats from one past row to the next.
  let pastStride: Int
  let function: RowFunction
}
