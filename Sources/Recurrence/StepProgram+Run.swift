import CRecurrentKernels

extension StepProgram {
  /// Runs some of the layers on all rows of the batch.
  func run(_ range: Range<Int>, on batch: inout StepBatch, of model: Model) {
    var range = range
    var isProjected = false
    if let tableInput, range.lowerBound == tableInput.lowerBound, batch.holdsTokensOnly {
      isProjected = true
      if !tableInput.isEmpty { markMasked(operations[0], in: &batch) }
      range = tableInput.upperBound..<range.upperBound
    } else if range.lowerBound == 0 {
      batch.fillOneHotRows()
    }
    for index in range {
      run(operations[index], on: &batch, isProjected: isProjected, of: model)
      isProjected = false
    }
  }

  private func run(
    _ operation: StepOperation, on batch: inout StepBatch, isProjected: Bool, of model: Model
  ) {
    switch operation.kind {
    case .embedding(let rows, _):
      let width = operation.outputWidth
      markMasked(operation, in: &batch)
      for index in 0..<batch.count {
        batch.targetRow(index).update(from: rows + Int(batch.tokens[index]) * width, count: width)
      }
    case .recurrent(let recurrent):
      if batch.isOneStream {
        runSequence(recurrent, operation, on: &batch, isProjected: isProjected)
      } else {
        runStep(recurrent, operation, on: &batch, isProjected: isProjected)
      }
    case .dense(let dense, let function):
      mr_dense_apply(dense, Int32(batch.count), batch.sourceRows, batch.targetRows)
      function.apply(to: batch.targetRows, count: batch.count, width: operation.outputWidth)
    case .convolution(let convolution):
      if batch.isOneStream {
        runSequence(convolution, operation, on: &batch)
      } else {
        runStep(convolution, operation, on: &batch)
      }
      convolution.function.apply(
        to: batch.targetRows, count: batch.count, width: operation.outputWidth)
    case .activation(let function):
      // In place: the rows stay where they are.
      function.apply(
        to: batch.writableSourceRows, count: batch.count, width: operation.outputWidth)
      return
    case .scaling(let scale, let offset):
      mr_scale(
        Int32(operation.outputWidth), scale, offset, Int32(batch.count), batch.sourceRows,
        batch.targetRows)
    case .layerNormalization(let gamma, let beta, let epsilon):
      mr_layer_norm(
        Int32(operation.outputWidth), gamma, beta, epsilon, Int32(batch.count), batch.sourceRows,
        batch.targetRows)
    case .plain:
      for row in 0..<batch.count { model.advance(row, through: operation.index, of: &batch) }
    }
    batch.swapRows()
  }

  private func markMasked(_ operation: StepOperation, in batch: inout StepBatch) {
    guard case .embedding(_, true) = operation.kind else { return }
    for index in 0..<batch.count { batch.isMasked[index] = batch.tokens[index] == 0 }
  }

  // MARK: Recurrent layers

  /// One step of each stream.
  private func runStep(
    _ recurrent: RecurrentOperation, _ operation: StepOperation, on batch: inout StepBatch,
    isProjected: Bool
  ) {
    if operation.maskReaches {
      return runMaskedStep(recurrent, operation, on: &batch, isProjected: isProjected)
    }
    let hWidth = AlignedFloats.padded(operation.outputWidth)
    let offset = operation.stateOffset
    var x = batch.sourceRows
    if isProjected {
      for index in 0..<batch.count { batch.x[index] = recurrent.tableRow(batch.tokens[index]) }
      x = UnsafePointer(batch.x)
    }
    for index in 0..<batch.count { batch.h[index] = UnsafePointer(batch.states[index] + offset) }
    if recurrent.hasCellState {
      for index in 0..<batch.count { batch.c[index] = batch.states[index] + offset + hWidth }
    }
    recurrent.step(
      batch.count, x: x, isProjected: isProjected, h: batch.h, output: batch.targetRows,
      c: batch.c, scratch: batch.scratch)
    // Every panel of a step reads all of the old h, so that the new one is written elsewhere first.
    for index in 0..<batch.count {
      (batch.states[index] + offset).update(from: batch.targetRow(index), count: hWidth)
    }
  }

  /// The same where some of the streams may stand still.
  private func runMaskedStep(
    _ recurrent: RecurrentOperation, _ operation: StepOperation, on batch: inout StepBatch,
    isProjected: Bool
  ) {
    let hWidth = AlignedFloats.padded(operation.outputWidth)
    var count = 0
    for index in 0..<batch.count {
      let h = batch.states[index] + operation.stateOffset
      if batch.isMasked[index] {
        // Keras' rule: the state stays, the answer is the one before, or zeros.
        let output = batch.targetRow(index)
        if recurrent.zeroOutputForMask {
          output.update(repeating: 0, count: hWidth)
        } else {
          output.update(from: h, count: hWidth)
        }
        continue
      }
      batch.x[count] =
        isProjected
        ? recurrent.tableRow(batch.tokens[index])
        : UnsafePointer(batch.source + index * batch.stride)
      batch.h[count] = UnsafePointer(h)
      batch.c[count] = h + hWidth
      batch.output[count] = batch.targetRow(index)
      count += 1
    }
    guard count > 0 else { return }
    recurrent.step(
      count, x: batch.x, isProjected: isProjected, h: batch.h, output: batch.output, c: batch.c,
      scratch: batch.scratch)
    for index in 0..<count {
      guard let h = batch.h[index], let output = batch.output[index] else { continue }
      UnsafeMutablePointer(mutating: h).update(from: output, count: hWidth)
    }
  }

  /// All rows as consecutive steps of the batch's one stream.
  private func runSequence(
    _ recurrent: RecurrentOperation, _ operation: StepOperation, on batch: inout StepBatch,
    isProjected: Bool
  ) {
    let hWidth = AlignedFloats.padded(operation.outputWidth)
    let h = batch.states[0] + operation.stateOffset
    batch.c[0] = h + hWidth
    if recurrent.hasUsualGates && !isProjected && !operation.maskReaches {
      // The input half is one product over all the steps.
      mr_steps(
        recurrent.cell, Int32(batch.count), batch.sourceRows, h, batch.targetRows,
        recurrent.hasCellState ? h + hWidth : nil, batch.scratch)
      h.update(from: batch.targetRow(batch.count - 1), count: hWidth)
      return
    }
    for index in 0..<batch.count {
      let output = batch.targetRow(index)
      if operation.maskReaches, batch.isMasked[index] {
        if recurrent.zeroOutputForMask {
          output.update(repeating: 0, count: hWidth)
        } else {
          output.update(from: h, count: hWidth)
        }
        continue
      }
      batch.x[0] =
        isProjected
        ? recurrent.tableRow(batch.tokens[index])
        : UnsafePointer(batch.source + index * batch.stride)
      batch.h[0] = UnsafePointer(h)
      batch.output[0] = output
      recurrent.step(
        1, x: batch.x, isProjected: isProjected, h: batch.h, output: batch.output, c: batch.c,
        scratch: batch.scratch)
      h.update(from: output, count: hWidth)
    }
  }

  // MARK: Convolutions

  /// One step of each stream: its taps are its past rows and, the newest, its input.
  private func runStep(
    _ convolution: ConvolutionOperation, _ operation: StepOperation, on batch: inout StepBatch
  ) {
    // A few streams at a time, so that the pointers to their taps need little room.
    let block = max(1, batch.tapRoom / convolution.taps)
    var start = 0
    while start < batch.count {
      let count = min(block, batch.count - start)
      for index in 0..<count {
        let past = batch.states[start + index] + operation.stateOffset
        for tap in 0..<convolution.taps - 1 {
          batch.taps[tap * count + index] = UnsafePointer(
            past + tap * convolution.dilation * convolution.pastStride)
        }
        batch.taps[(convolution.taps - 1) * count + index] = UnsafePointer(
          batch.source + (start + index) * batch.stride)
      }
      mr_dense_apply(convolution.dense, Int32(count), batch.taps, batch.targetRows + start)
      start += count
    }
    guard convolution.pastCount > 0 else { return }
    for index in 0..<batch.count {
      let past = batch.states[index] + operation.stateOffset
      let kept = (convolution.pastCount - 1) * convolution.pastStride
      past.update(from: past + convolution.pastStride, count: kept)
      (past + kept).update(
        from: batch.source + index * batch.stride, count: operation.inputWidth)
    }
  }

  /// All rows as consecutive steps of one stream, one after the other.
  private func runSequence(
    _ convolution: ConvolutionOperation, _ operation: StepOperation, on batch: inout StepBatch
  ) {
    let past = batch.states[0] + operation.stateOffset
    let kept = max(0, convolution.pastCount - 1) * convolution.pastStride
    for index in 0..<batch.count {
      let input = batch.source + index * batch.stride
      for tap in 0..<convolution.taps - 1 {
        batch.taps[tap] = UnsafePointer(
          past + tap * convolution.dilation * convolution.pastStride)
      }
      batch.taps[convolution.taps - 1] = UnsafePointer(input)
      mr_dense_apply(convolution.dense, 1, batch.taps, batch.targetRows + index)
      guard convolution.pastCount > 0 else { continue }
      past.update(from: past + convolution.pastStride, count: kept)
      (past + kept).update(from: input, count: operation.inputWidth)
    }
  }
}
