import CRecurrentKernels

/// A model's layers packed for the step kernels, in the order in which they run.
///
/// Immutable once it is made, so that all threads may share it; what a step writes is in the
/// `StepBatch` and the `StreamState`s.
final class StepProgram: @unchecked Sendable {  // why: only `init` and `deinit` write
  /// Bytes that the token tables of a model may take; a larger vocabulary is projected step by step.
  static let tableBytesMax = 256 << 20
  /// Multiply-adds that making a table may cost where a model takes vectors, which need not be
  /// one-hot at all: about 10 ms.
  static let oneHotTableProductsMax = 1 << 29

  let operations: UnsafeBufferPointer<StepOperation>
  /// Bytes of scratch memory that a step needs.
  private(set) var scratchBytes = 0
  /// Bytes of the token table; 0 without.
  private(set) var tableBytes = 0
  /// The operations that a token table replaces; nil without one.
  ///
  /// That is an Embedding in front of the recurrent layer, or nothing for one-hot vectors.
  private(set) var tableInput: Range<Int>?
  /// The instruction set of the kernels: see `StepKernels.names`.
  let kernels = String(cString: mr_kernels_name())

  // What `operations` point into.
  private var cells: [OpaquePointer] = []
  private var tables: [OpaquePointer] = []
  private var denses: [OpaquePointer] = []
  private var activations: [UnsafeMutablePointer<Activation>] = []
  private var rows: [AlignedFloats] = []
  /// Weights that are still to be packed; empty after `init`.
  private var packing = WeightPacking()

  /// Packs layers whose shapes `plan` has checked.
  ///
  /// - Throws: `ModelError.notFinite` or `.unreadableWeights`.
  init(
    layers: [Layer], plan: ModelPlan, stateOffsets: [Int], precision: Precision
  ) throws(ModelError) {
    let buffer = UnsafeMutableBufferPointer<StepOperation>.allocate(capacity: layers.count)
    operations = UnsafeBufferPointer(buffer)
    for (index, layer) in layers.enumerated() {
      let place = LayerPlace(index: index, name: layer.name, kindName: layer.kindName)
      var kind = try kind(of: layer, precision, place)
      // A convolution stands still at steps that are left out, which its kernel does not know.
      if plan.maskReaches[index], case .convolution = kind { kind = .plain }
      buffer.initializeElement(
        at: index,
        to: StepOperation(
          kind: kind, index: index,
          inputWidth: index > 0 ? plan.outputWidths[index - 1] : plan.inputWidth,
          outputWidth: plan.outputWidths[index], stateOffset: stateOffsets[index],
          maskReaches: plan.maskReaches[index]))
    }
    try packing.run()
    packing = WeightPacking()
    addTable(layers, buffer)
  }

  deinit {
    tables.forEach { mr_table_free($0) }
    cells.forEach { mr_cell_free($0) }
    denses.forEach { mr_dense_free($0) }
    for activation in activations {
      activation.deinitialize(count: 1)
      activation.deallocate()
    }
    operations.deallocate()
  }

  // MARK: Packing

  private func kind(
    of layer: Layer, _ precision: Precision, _ place: LayerPlace
  ) throws(ModelError) -> StepOperation.Kind {
    switch layer {
    case .embedding(let layer):
      return .embedding(rows: copy(layer.embeddings.values), masksZero: layer.maskZero)
    case .simpleRNN(let cell):
      return .recurrent(
        try recurrent(
          MR_SIMPLE_RNN, precision, cell.kernel, cell.recurrentKernel, cell.bias,
          activation: cell.activation, recurrentActivation: .sigmoid, layer,
          place))
    case .gru(let cell):
      return .recurrent(
        try recurrent(
          cell.resetAfter ? MR_GRU : MR_GRU_BEFORE, precision, cell.kernel, cell.recurrentKernel,
          cell.bias?.values, activation: cell.activation,
          recurrentActivation: cell.recurrentActivation, layer,
          place))
    case .lstm(let cell):
      return .recurrent(
        try recurrent(
          MR_LSTM, precision, cell.kernel, cell.recurrentKernel, cell.bias,
          activation: cell.activation, recurrentActivation: cell.recurrentActivation, layer,
          place))
    case .dense(let layer):
      return .dense(
        try dense(1, layer.kernel, layer.bias, place), RowFunction(keep(layer.activation)))
    case .conv1D(let layer):
      return .convolution(
        ConvolutionOperation(
          dense: try dense(layer.kernelSize, layer.kernel, layer.bias, place),
          taps: layer.kernelSize,
          dilation: layer.dilation, pastCount: layer.pastCount,
          pastStride: AlignedFloats.padded(layer.inputWidth),
          function: RowFunction(keep(layer.activation))))
    case .activation(let layer): return .activation(RowFunction(keep(layer.activation)))
    case .batchNormalization(let layer):
      return .scaling(scale: copy(layer.scale), offset: copy(layer.offset))
    case .layerNormalization(let layer):
      return .layerNormalization(
        gamma: copy(layer.scale), beta: copy(layer.offset), epsilon: layer.epsilon)
    case .scaling(let layer): return .scaling(scale: copy(layer.scale), offset: copy(layer.offset))
    case .masking, .repeatVector, .extendedLSTM, .branch, .normalization, .rmsNormalization,
      .pooling1D, .globalPooling1D, .stepSelection, .lastAnswer, .startingState:
      return .plain
    case .lastStep: return .activation(RowFunction(keep(.linear)))
    }
  }

  private func recurrent(
    _ kind: mr_kind, _ precision: Precision, _ kernel: Matrix, _ recurrentKernel: Matrix,
    _ bias: [Float]?, activation: Activation, recurrentActivation: Activation, _ layer: Layer,
    _ place: LayerPlace
  ) throws(ModelError) -> RecurrentOperation {
    let inputs = Int32(kernel.rows)
    let units = Int32(recurrentKernel.rows)
    let cell: OpaquePointer?
    if precision == .f32 {
      cell = bias.withPointer { mr_cell_create(kind, MR_F32, inputs, units, nil, nil, $0) }
    } else {
      // A number format of fewer bits looks at whole columns first.
      let w = try values(of: kernel, "kernel", place)
      let u = try values(of: recurrentKernel, "recurrent_kernel", place)
      cell = bias.withPointer {
        mr_cell_create(kind, mr_format(precision), inputs, units, w, u, $0)
      }
    }
    guard let cell else { preconditionFailure("no memory for the weights of \(layer.name)") }
    cells.append(cell)
    if precision == .f32 {
      packing.add(kernel, "kernel", place, to: .cell(cell, isRecurrent: false))
      packing.add(recurrentKernel, "recurrent_kernel", place, to: .cell(cell, isRecurrent: true))
    }
    scratchBytes = max(scratchBytes, mr_cell_scratch(cell))
    return RecurrentOperation(
      cell: cell, table: nil, rowWidth: Int(mr_cell_projected_row(cell)),
      hasCellState: kind == MR_LSTM,
      activation: mr_activation(keep(activation), usual: .tanh),
      recurrentActivation: mr_activation(keep(recurrentActivation), usual: .sigmoid),
      zeroOutputForMask: layer.recurrence?.zeroOutputForMask == true)
  }

  private func values(
    of matrix: Matrix, _ tensor: String, _ place: LayerPlace
  ) throws(ModelError) -> [Float] {
    do throws(WeightFault) {
      let values = try matrix.readValues()
      if let fault = values.withUnsafeBufferPointer({ $0.firstNotFinite }) {
        throw .notFinite(index: fault, value: values[fault])
      }
      return values
    } catch {
      throw error.error(place, tensor)
    }
  }

  private func dense(
    _ taps: Int, _ kernel: Matrix, _ bias: [Float]?, _ place: LayerPlace
  ) throws(ModelError) -> OpaquePointer {
    let dense = bias.withPointer { bias in
      mr_dense_create(Int32(taps), Int32(kernel.rows / taps), Int32(kernel.columns), nil, bias)
    }
    guard let dense else {
      preconditionFailure("no memory for \(kernel.rows) x \(kernel.columns) weights")
    }
    denses.append(dense)
    packing.add(kernel, "kernel", place, to: .dense(dense))
    return dense
  }

  /// Makes the token table, where an Embedding or one-hot vectors feed a recurrent layer directly.
  private func addTable(
    _ layers: [Layer], _ operations: UnsafeMutableBufferPointer<StepOperation>
  ) {
    var first = 0
    var vocabulary = operations[0].inputWidth
    var embeddings: UnsafePointer<Float>?
    if case .embedding(let layer) = layers[0], layers.count > 1 {
      first = 1
      vocabulary = layer.vocabulary
      if case .embedding(let rows, _) = operations[0].kind { embeddings = rows }
    }
    let operation = operations[first]
    guard case .recurrent(let recurrent) = operation.kind else { return }
    let bytes = recurrent.rowWidth * vocabulary * MemoryLayout<Float>.stride
    let products = vocabulary * operation.inputWidth * recurrent.rowWidth
    guard bytes <= Self.tableBytesMax,
      embeddings != nil || products <= Self.oneHotTableProductsMax,
      let table = mr_table_create(recurrent.cell, Int32(vocabulary), embeddings)
    else { return }
    tables.append(table)
    tableBytes = mr_table_bytes(table)
    tableInput = 0..<first
    operations[first] = StepOperation(
      kind: .recurrent(
        RecurrentOperation(
          cell: recurrent.cell, table: mr_table_row(table, 0), rowWidth: recurrent.rowWidth,
          hasCellState: recurrent.hasCellState,
          activation: recurrent.activation, recurrentActivation: recurrent.recurrentActivation,
          zeroOutputForMask: recurrent.zeroOutputForMask)),
      index: first, inputWidth: operation.inputWidth, outputWidth: operation.outputWidth,
      stateOffset: operation.stateOffset, maskReaches: operation.maskReaches)
  }

  /// A copy that lives as long as the program, on a 64-byte boundary and padded with zeros.
  private func copy(_ values: [Float]) -> UnsafePointer<Float> {
    let memory = AlignedFloats(count: AlignedFloats.padded(values.count))
    memory.start.update(from: values, count: values.count)
    rows.append(memory)
    return UnsafePointer(memory.start)
  }

  private func keep(_ activation: Activation) -> UnsafePointer<Activation> {
    let memory = UnsafeMutablePointer<Activation>.allocate(capacity: 1)
    memory.initialize(to: activation)
    activations.append(memory)
    return UnsafePointer(memory)
  }
}

extension mr_format {
  init(_ precision: Precision) {
    self =
      switch precision {
      case .f32: MR_F32
      case .bf16: MR_BF16
      case .int8: MR_INT8
      }
  }
}

extension [Float]? {
  /// Calls `body` with the values, or with nil.
  fileprivate func withPointer<Result>(_ body: (UnsafePointer<Float>?) -> Result) -> Result {
    guard let self else { return body(nil) }
    return self.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}
