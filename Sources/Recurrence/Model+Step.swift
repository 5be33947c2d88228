extension Model {
  /// Takes one step of every stream in the batch, layer after layer, by the step kernels.
  ///
  /// Each stream's answer depends on its own state and input alone, to the last bit. Afterwards the
  /// batch's outputs can be read. A one-to-many model advances its encoder only and gives no outputs.
  /// Consecutive steps of a stream give the same bits as step by step, sooner.
  package func step(_ batch: inout StepBatch) {
    guard begin(&batch) else { return }
    run(plan.streaming, on: &batch, plainly: false)
  }

  /// As `step`, by the plain layers that follow the textbook equations: the oracle of the kernels.
  package func stepPlainly(_ batch: inout StepBatch) {
    guard begin(&batch) else { return }
    batch.fillOneHotRows()
    run(plan.streaming, on: &batch, plainly: true)
  }

  private func run(_ range: Range<Int>, on batch: inout StepBatch, plainly: Bool) {
    guard plainly else { return program.run(range, on: &batch, of: self) }
    for index in range {
      for row in 0..<batch.count { advance(row, through: index, of: &batch) }
      batch.swapRows()
    }
  }

  /// Whether there is anything to step.
  private func begin(_ batch: inout StepBatch) -> Bool {
    precondition(batch.input == input && batch.layout == stateLayout)
    precondition(batch.outputWidth == nil, "the batch has been stepped: call removeAll() first")
    if case .oneToMany = shape {
      batch.outputWidth = 0
    } else {
      batch.outputWidth = outputWidth
    }
    return batch.count > 0
  }

  /// The answers that are due at the end of a one-to-many stream.
  ///
  /// The encoder's answer is its last `h`. The decoder starts from zero each time, in memory of its
  /// own: the stream's state is not changed, and the stream may go on.
  ///
  /// - Precondition: the model is one-to-many and the state its own.
  /// - Parameters:
  ///   - state: the stream's.
  ///   - plainly: by the plain layers instead of the kernels.
  /// - Returns: `[count, outputWidth]`.
  package func decode(_ state: StreamState, plainly: Bool = false) -> Matrix {
    guard case .oneToMany(let count) = shape else {
      preconditionFailure("decode is for one-to-many models, this one is \(shape)")
    }
    precondition(state.layout == stateLayout, "the state belongs to another model")
    let decoder = StreamState(layout: decoderLayout)
    var batch = StepBatch(model: self, capacity: 1, layout: decoderLayout)

    let encoder = plan.streaming.upperBound - 1
    let encoderWidth = plan.outputWidths[encoder]
    let last = state.start + stateOffsets[encoder]
    batch.appendRow(decoder, token: 0).update(from: last, count: encoderWidth)
    run(plan.bridging, on: &batch, plainly: plainly)
    let repeated = Array(
      UnsafeBufferPointer(start: batch.source, count: plan.outputWidths[plan.bridging.upperBound]))

    var values: [Float] = []
    values.reserveCapacity(count * outputWidth)
    for _ in 0..<count {
      batch.source.update(from: repeated, count: repeated.count)
      run(plan.decoding, on: &batch, plainly: plainly)
      values.append(contentsOf: UnsafeBufferPointer(start: batch.source, count: outputWidth))
    }
    return Matrix(rows: count, columns: outputWidth, values: values)
  }

  /// Takes one row through one layer, as its equations say.
  func advance(_ stream: Int, through index: Int, of batch: inout StepBatch) {
    let row = UnsafePointer(batch.source + stream * batch.stride)
    let output = batch.target + stream * batch.stride
    let state = batch.states[stream] + stateOffsets[index]
    let width = index > 0 ? plan.outputWidths[index - 1] : plan.inputWidth
    if plan.maskReaches[index], batch.isMasked[stream], let recurrence = layers[index].recurrence {
      answerMasked(index, h: state, zero: recurrence.zeroOutputForMask, output: output)
      return
    }
    if plan.leavesOut[index], batch.isMasked[stream], layers[index].waitsForRows {
      output.update(repeating: 0, count: plan.outputWidths[index])
      return
    }
    switch layers[index] {
    case .embedding(let layer):
      batch.isMasked[stream] = layer.step(token: batch.tokens[stream], output: output)
    case .masking(let layer):
      batch.isMasked[stream] = layer.step(input: row, output: output, width: width)
    case .simpleRNN(let cell):
      cell.step(input: row, h: state, output: output, scratch: batch.plainScratch)
    case .gru(let cell):
      cell.step(input: row, h: state, output: output, scratch: batch.plainScratch)
    case .lstm(let cell):
      let c = state + AlignedFloats.padded(cell.units)
      cell.step(input: row, h: state, c: c, output: output, scratch: batch.plainScratch)
    case .dense(let layer): layer.step(input: row, output: output)
    case .activation(let layer): layer.step(input: row, output: output, width: width)
    case .batchNormalization(let layer): layer.step(input: row, output: output)
    case .layerNormalization(let layer): layer.step(input: row, output: output)
    case .conv1D(let layer):
      layer.step(
        input: row, past: state, pastStride: AlignedFloats.padded(layer.inputWidth), output: output)
    case .extendedLSTM, .lastStep, .branch, .scaling, .normalization, .rmsNormalization,
      .pooling1D, .globalPooling1D, .stepSelection, .lastAnswer, .startingState:
      advanceOther(stream, through: index, of: &batch, state: state, width: width)
    case .repeatVector:
      preconditionFailure("RepeatVector stands between the ranges of layers that run")
    }
  }

  /// Keras' rule for a masked step: the state stays, the answer is the one before, or zeros.
  private func answerMasked(
    _ index: Int, h: UnsafePointer<Float>, zero: Bool, output: UnsafeMutablePointer<Float>
  ) {
    let units = plan.outputWidths[index]
    if zero {
      output.update(repeating: 0, count: units)
    } else {
      output.update(from: h, count: units)
    }
  }
}
