extension Model {
  /// The gates that a step would have: the plain layers take it on a copy of the state.
  ///
  /// A layer whose step is masked has none. Behind `precision` bf16 or int8 these are still the gates
  /// of the 32-bit weights.
  ///
  /// - Parameters:
  ///   - state: the stream's before the step; it is not changed.
  ///   - token: its input, with a model that takes tokens or one-hot rows.
  /// - Returns: one for each LSTM and GRU that answers at each step, in the order of the layers.
  package func gates(at state: StreamState, token: Int32) -> [LayerGates] {
    let state = state.copy()
    var batch = StepBatch(model: self, capacity: 1)
    batch.append(state, token: token)
    return withExtendedLifetime(state) { gates(of: &batch) }
  }

  /// As above, for a step whose input is a vector.
  package func gates(
    at state: StreamState, vector: UnsafeBufferPointer<Float>
  ) -> [LayerGates] {
    let state = state.copy()
    var batch = StepBatch(model: self, capacity: 1)
    batch.append(state, vector: vector)
    return withExtendedLifetime(state) { gates(of: &batch) }
  }

  /// Whether there is a layer with gates to look at.
  package var hasGates: Bool { plan.streaming.contains { layers[$0].gateNames != nil } }

  private func gates(of batch: inout StepBatch) -> [LayerGates] {
    batch.fillOneHotRows()
    var found: [LayerGates] = []
    for index in plan.streaming {
      if let names = layers[index].gateNames, !(plan.maskReaches[index] && batch.isMasked[0]) {
        let values = takeGates(of: index, &batch, count: names.count)
        found.append(
          LayerGates(
            layerIndex: index, layerName: layers[index].name, names: names,
            units: values.count / names.count, values: values))
      } else {
        advance(0, through: index, of: &batch)
      }
      batch.swapRows()
    }
    return found
  }

  /// Takes the batch's only row through a layer with gates, and returns them.
  private func takeGates(of index: Int, _ batch: inout StepBatch, count: Int) -> [Float] {
    let row = UnsafePointer(batch.source)
    let output = batch.target
    let h = batch.states[0] + stateOffsets[index]
    let scratch = batch.plainScratch
    func values(units: Int, _ step: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
      [Float](unsafeUninitializedCapacity: count * units) { buffer, initialized in
        guard let start = buffer.baseAddress else { return }
        step(start)
        initialized = count * units
      }
    }
    switch layers[index] {
    case .lstm(let cell):
      let c = h + AlignedFloats.padded(cell.units)
      return values(units: cell.units) {
        cell.step(input: row, h: h, c: c, output: output, scratch: scratch, gates: $0)
      }
    case .extendedLSTM(let cell):
      let c = h + AlignedFloats.padded(cell.outputWidth)
      return values(units: cell.units) {
        cell.step(input: row, h: h, c: c, output: output, scratch: scratch, gates: $0)
      }
    case .gru(let cell):
      return values(units: cell.units) {
        cell.step(input: row, h: h, output: output, scratch: scratch, gates: $0)
      }
    default: preconditionFailure("\(layers[index].kindName) has no gates")
    }
  }
}

extension Layer {
  /// The gates of a recurrent layer, in the order in which they are told; nil for other layers.
  var gateNames: [String]? {
    switch self {
    case .lstm, .extendedLSTM: ["i", "f", "g", "o"]
    case .gru: ["z", "r", "h"]
    default: nil
    }
  }
}
