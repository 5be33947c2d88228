import Testing

@testable import Recurrence

/// The gates of a step: they are what made the new h and c.
struct GateTests {
  private func model() throws -> Model {
    var random = RandomLayers(seed: 5)
    let layers = [
      random.embedding(7, 5), random.lstm(5, 9), random.gru(9, 6),
      random.gru(6, 4, resetAfter: false), random.lstm(4, 3),
    ]
    return try Model(layers: layers, input: .tokens(vocabulary: 7), name: "stacked")
  }

  /// Of every layer of a stacked model, by the kernels' own states.
  @Test func theyGiveTheNextState() throws {
    let model = try model()
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: 1)
    for step in 0..<40 {
      let before = state.copy()
      let layers = model.gates(at: state, token: Int32(step * 3 % 7))
      // Looking changes nothing.
      #expect(state.floats == before.floats)
      batch.removeAll()
      batch.append(state, token: Int32(step * 3 % 7))
      model.step(&batch)
      #expect(layers.map(\.layerIndex) == [1, 2, 3, 4])
      for layer in layers {
        let rows = model.stateLayout.rows.filter { $0.layerIndex == layer.layerIndex }
        let old = rows.map(before.row)
        let (h, c) = next(layer, h: old[0], c: old.last ?? [])
        #expect(distance(h, state.row(rows[0])) < 1e-6, "\(layer.layerIndex) at \(step)")
        if rows.count == 2 { #expect(distance(c, state.row(rows[1])) < 1e-6) }
      }
    }
  }

  /// The equations of the cells, in 64 bits.
  private func next(_ layer: LayerGates, h: [Float], c: [Float]) -> (h: [Double], c: [Double]) {
    let gate = { (name: Int, unit: Int) in Double(layer.values[name * layer.units + unit]) }
    if layer.names == ["z", "r", "h"] {
      return (
        (0..<layer.units).map { gate(0, $0) * Double(h[$0]) + (1 - gate(0, $0)) * gate(2, $0) }, []
      )
    }
    let cell = (0..<layer.units).map { gate(1, $0) * Double(c[$0]) + gate(0, $0) * gate(2, $0) }
    return (cell.enumerated().map { gate(3, $0.offset) * tanh($0.element) }, cell)
  }

  private func tanh(_ x: Double) -> Double { Double(Arithmetic.tanh(Float(x))) }

  private func distance(_ a: [Double], _ b: [Float]) -> Double {
    zip(a, b).map { abs($0 - Double($1)) }.max() ?? .infinity
  }

  @Test func aModelWithoutGatesHasNone() throws {
    var random = RandomLayers(seed: 6)
    let model = try Model(
      layers: [random.simpleRNN(3, 4)], input: .vectors(width: 3), name: "simple")
    #expect(!model.hasGates)
    [1, 2, 3].withUnsafeBufferPointer {
      #expect(model.gates(at: model.makeState(), vector: $0).isEmpty)
    }
  }
}
