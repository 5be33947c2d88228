// The layers that no kernel knows: the plain layers are the ones that run.
extension Model {
  /// Takes one row through one of these layers.
  ///
  /// - Parameters:
  ///   - stream: the row of the batch.
  ///   - index: the layer.
  ///   - batch: where the row is, and where the layer's goes.
  ///   - state: where its state starts.
  ///   - width: values that come in.
  func advanceOther(
    _ stream: Int, through index: Int, of batch: inout StepBatch,
    state: UnsafeMutablePointer<Float>, width: Int
  ) {
    let row = UnsafePointer(batch.source + stream * batch.stride)
    let output = batch.target + stream * batch.stride
    switch layers[index] {
    case .extendedLSTM(let cell):
      let c = state + AlignedFloats.padded(cell.outputWidth)
      cell.step(input: row, h: state, c: c, output: output, scratch: batch.plainScratch)
    case .lastStep: output.update(from: row, count: width)
    case .scaling(let layer): layer.step(input: row, output: output)
    case .normalization(let layer): layer.step(input: row, output: output)
    case .rmsNormalization(let layer): layer.step(input: row, output: output)
    case .pooling1D(let layer):
      layer.step(
        input: row, past: state, pastStride: AlignedFloats.padded(layer.width), output: output)
    case .stepSelection(let layer):
      output.update(from: row, count: width)
      batch.isMasked[stream] = !layer.selects(state)
    case .startingState(let layer):
      let own = batch.states[stream]
      layer.step(isDone: state, state: own + stateOffsets[index + 1])
      output.update(from: row, count: width)
    case .globalPooling1D, .lastAnswer:
      advanceRunning(index, row: row, output: output, state: state, in: &batch, stream: stream)
    case .branch(let branch): follow(branch, row: row, output: output, in: &batch, stream: stream)
    default: preconditionFailure("\(layers[index].kindName) is stepped elsewhere")
    }
  }

  /// The layers that answer at steps without a row, too.
  private func advanceRunning(
    _ index: Int, row: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    state: UnsafeMutablePointer<Float>, in batch: inout StepBatch, stream: Int
  ) {
    let isMasked = plan.maskReaches[index] && batch.isMasked[stream]
    switch layers[index] {
    case .globalPooling1D(let layer):
      // Keras' maximum pays no heed to a mask; a step that is left out is no step at all.
      let counts = !isMasked || (layer.kind == .maximum && !plan.leavesOut[index])
      let stride = AlignedFloats.padded(layer.width)
      let isThere = layer.step(
        input: counts ? row : nil, total: state, rounded: state + stride,
        count: state + 2 * stride, output: output)
      batch.isMasked[stream] = !isThere
    case .lastAnswer(let layer):
      let width = plan.outputWidths[index]
      layer.step(
        input: isMasked ? nil : row, last: state, isThere: state + AlignedFloats.padded(width),
        output: output, width: width)
    default: break
    }
  }

  private func follow(
    _ branch: Branch, row: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    in batch: inout StepBatch, stream: Int
  ) {
    let isMasked = batch.isMasked + stream
    switch branch.kind {
    case .keep(let slot):
      let width = plan.slotWidths[slot]
      let kept = batch.kept(slot, stream)
      kept.row.update(from: row, count: width)
      kept.isMasked.pointee = isMasked.pointee
      output.update(from: row, count: width)
    case .recall(let slot):
      let kept = batch.kept(slot, stream)
      output.update(from: kept.row, count: plan.slotWidths[slot])
      isMasked.pointee = kept.isMasked.pointee
    case .join(let join, let slots):
      var filled = 0
      isMasked.pointee = false
      for (position, slot) in slots.enumerated() {
        let kept = batch.kept(slot, stream)
        let width = plan.slotWidths[slot]
        if kept.isMasked.pointee { isMasked.pointee = true }
        if join == .concatenate || position == 0 {
          (output + filled).update(from: kept.row, count: width)
          filled += width
        } else {
          Branch.combine(join, kept.row, into: output, width: width)
        }
      }
      guard join == .average else { return }
      for i in 0..<filled { output[i] /= Float(slots.count) }
    }
  }
}
