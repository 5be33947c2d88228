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
      if operation.maskReaches {
        runMasked(recurrent, operation, on: &batch, isProjected: isProjected)
      } else if batch.streamCount == 1, batch.count > 1, recurrent.hasUsualGates, !isProjected {
        runSequence(recurrent, operation, on: &batch)
      } else if batch.mostSteps == 1 {
        runStep(recurrent, operation, on: &batch, isProjected: isProjected)
      } else {
        runSteps(recurrent, operation, on: &batch, isProjected: isProjected)
      }
    case .dense(let dense, let function):
      mr_dense_apply(dense, Int32(batch.count), batch.sourceRows, batch.targetRows)
      function.apply(to: batch.targetRows, count: batch.count, width: operation.outputWidth)
    case .convolution(let convolution):
      run(convolution, operation, on: &batch)
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

  /// One step of each stream: the rows are the streams.
  private func runStep(
    _ recurrent: RecurrentOperation, _ operation: StepOperation, on batch: inout StepBatch,
    isProjected: Bool
  ) {
    let hWidth = AlignedFloats.padded(operation.outputWidth)
    let offset = operation.stateOffset
    var x = batch.sourceRows
    if isProjected {
      for row in 0..<batch.count { batch.x[row] = recurrent.tableRow(batch.tokens[row]) }
      x = UnsafePointer(batch.x)
    }
    for row in 0..<batch.count { batch.h[row] = UnsafePointer(batch.states[row] + offset) }
    if recurrent.hasCellState {
      for row in 0..<batch.count { batch.c[row] = batch.states[row] + offset + hWidth }
    }
    recurrent.step(
      batch.count, x: x, isProjected: isProjected, h: batch.h, output: batch.targetRows,
      c: batch.c, scratch: batch.scratch)
    // Every panel of a step reads all of the old h, so that the new one is written elsewhere first.
    for row in 0..<batch.count {
      (batch.states[row] + offset).update(from: batch.targetRow(row), count: hWidth)
    }
  }

  /// The first step of each stream, then the second of those that have one, and so on.
  private func runSteps(
    _ recurrent: RecurrentOperation, _ operation: StepOperation, on batch: inout StepBatch,
    isProjected: Bool
  ) {
    let hWidth = AlignedFloats.padded(operation.outputWidth)
    let offset = operation.stateOffset
    for round in 0..<batch.mostSteps {
      let count = batch.selectRows(ofRound: round)
      for index in 0..<count {
        let row = batch.rows[index]
        let h = batch.states[row] + offset
        batch.x[index] = input(row, of: recurrent, in: batch, isProjected: isProjected)
        batch.h[index] = UnsafePointer(round == 0 ? h : batch.targetRow(row - 1))
        batch.output[index] = batch.targetRow(row)
        batch.c[index] = h + hWidth
      }
      recurrent.step(
        count, x: batch.x, isProjected: isProjected, h: batch.h, output: batch.output, c: batch.c,
        scratch: batch.scratch)
    }
    for stream in 0..<batch.streamCount {
      let row = batch.lastRow(of: stream)
      (batch.states[row] + offset).update(from: batch.targetRow(row), count: hWidth)
    }
  }

  /// The same where some of the streams may stand still.
  private func runMasked(
    _ recurrent: RecurrentOperation, _ operation: StepOperation, on batch: inout StepBatch,
    isProjected: Bool
  ) {
    let hWidth = AlignedFloats.padded(operation.outputWidth)
    for round in 0..<batch.mostSteps {
      var count = 0
      for index in 0..<batch.selectRows(ofRound: round) {
        let row = batch.rows[index]
        let h = batch.states[row] + operation.stateOffset
        let output = batch.targetRow(row)
        if batch.isMasked[row] {
          // Keras' rule: the state stays, the answer is the one before, or zeros.
          if recurrent.zeroOutputForMask {
            output.update(repeating: 0, count: hWidth)
          } else {
            output.update(from: h, count: hWidth)
          }
          continue
        }
        batch.x[count] = input(row, of: recurrent, in: batch, isProjected: isProjected)
        batch.h[count] = UnsafePointer(h)
        batch.c[count] = h + hWidth
        batch.output[count] = output
        count += 1
      }
      guard count > 0 else { continue }
      recurrent.step(
        count, x: batch.x, isProjected: isProjected, h: batch.h, output: batch.output, c: batch.c,
        scratch: batch.scratch)
      for index in 0..<count {
        guard let h = batch.h[index], let output = batch.output[index] else { continue }
        UnsafeMutablePointer(mutating: h).update(from: output, count: hWidth)
      }
    }
  }

  /// What a layer reads at a row: the row, or what the table has for its token.
  private func input(
    _ row: Int, of recurrent: RecurrentOperation, in batch: borrowing StepBatch, isProjected: Bool
  ) -> UnsafePointer<Float>? {
    isProjected
      ? recurrent.tableRow(batch.tokens[row]) : UnsafePointer(batch.source + row * batch.stride)
  }

  /// All rows as the steps of the batch's one stream: the input half is one product over them.
  private func runSequence(
    _ recurrent: RecurrentOperation, _ operation: StepOperation, on batch: inout StepBatch
  ) {
    let hWidth = AlignedFloats.padded(operation.outputWidth)
    let h = batch.states[0] + operation.stateOffset
    mr_steps(
      recurrent.cell, Int32(batch.count), batch.sourceRows, h, batch.targetRows,
      recurrent.hasCellState ? h + hWidth : nil, batch.scratch)
    h.update(from: batch.targetRow(batch.count - 1), count: hWidth)
  }

  // MARK: Convolutions

  /// Step by step: a stream's taps are its past rows and, the newest, its input.
  private func run(
    _ convolution: ConvolutionOperation, _ operation: StepOperation, on batch: inout StepBatch
  ) {
    // A few streams at a time, so that the pointers to their taps need little room.
    let block = max(1, batch.tapRoom / convolution.taps)
    for round in 0..<batch.mostSteps {
      let selected = batch.selectRows(ofRound: round)
      var start = 0
      while start < selected {
        let count = min(block, selected - start)
        for index in 0..<count {
          let row = batch.rows[start + index]
          let past = batch.states[row] + operation.stateOffset
          for tap in 0..<convolution.taps - 1 {
            batch.taps[tap * count + index] = UnsafePointer(
              past + tap * convolution.dilation * convolution.pastStride)
          }
          batch.taps[(convolution.taps - 1) * count + index] = UnsafePointer(
            batch.source + row * batch.stride)
          batch.output[index] = batch.targetRow(row)
        }
        mr_dense_apply(convolution.dense, Int32(count), batch.taps, batch.output)
        start += count
      }
      guard convolution.pastCount > 0 else { continue }
      for index in 0..<selected { remember(batch.rows[index], convolution, operation, in: batch) }
    }
  }

  /// Puts the input of a row behind its stream's past rows; the oldest is gone.
  private func remember(
    _ row: Int, _ convolution: ConvolutionOperation, _ operation: StepOperation,
    in batch: borrowing StepBatch
  ) {
    let past = batch.states[row] + operation.stateOffset
    let kept = (convolution.pastCount - 1) * convolution.pastStride
    past.update(from: past + convolution.pastStride, count: kept)
    (past + kept).update(from: batch.source + row * batch.stride, count: operation.inputWidth)
  }
}
