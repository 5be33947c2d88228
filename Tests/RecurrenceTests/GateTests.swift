import Foundation
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

  /// Each gate by the equations of Keras' GRU, in 64 bits, from the weights themselves.
  @Test(arguments: [true, false]) func theGatesOfAGRUAreKerasEquations(resetAfter: Bool) throws {
    var random = RandomLayers(seed: 11)
    let layer = random.gru(3, 5, resetAfter: resetAfter)
    guard case .gru(let cell) = layer else { return }
    let bias = try #require(cell.bias)
    let model = try Model(layers: [layer], input: .vectors(width: 3), name: "gru")
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: 1)
    func sum(_ input: [Double], _ weights: Matrix, _ column: Int) -> Double {
      input.enumerated().reduce(0) { $0 + $1.element * Double(weights[$1.offset, column]) }
    }
    func sigmoid(_ x: Double) -> Double { 1 / (1 + Foundation.exp(-x)) }
    for step in 0..<20 {
      let x = (0..<3).map { Float(($0 + 2) * (step % 7) - 6) / 5 }
      let h = state.row(model.stateLayout.rows[0]).map(Double.init)
      let found = x.withUnsafeBufferPointer { model.gates(at: state, vector: $0) }[0]
      let input = x.map(Double.init)
      func both(_ column: Int) -> Double {
        let biases = (0..<bias.rows).reduce(0) { $0 + Double(bias[$1, column]) }
        return sum(input, cell.kernel, column) + sum(h, cell.recurrentKernel, column) + biases
      }
      let z = (0..<5).map { sigmoid(both($0)) }
      let r = (0..<5).map { sigmoid(both(5 + $0)) }
      let candidate = (0..<5).map { unit in
        let column = 10 + unit
        let own = sum(input, cell.kernel, column) + Double(bias[0, column])
        let past =
          resetAfter
          ? r[unit] * (sum(h, cell.recurrentKernel, column) + Double(bias[1, column]))
          : sum(zip(r, h).map { $0 * $1 }, cell.recurrentKernel, column)
        return Foundation.tanh(own + past)
      }
      #expect(distance(z + r + candidate, found.values) < 1e-6, "step \(step)")
      batch.removeAll()
      x.withUnsafeBufferPointer { batch.append(state, vector: $0) }
      model.step(&batch)
    }
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
