import Foundation
import Testing

@testable import Recurrence

/// Cells against their equations, computed in double precision from the definition.
struct CellTests {
  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  private func affine(_ bias: Float, _ x: [Float], _ weights: Matrix, _ column: Int) -> Double {
    x.indices.reduce(Double(bias)) { $0 + Double(x[$1]) * Double(weights[$1, column]) }
  }

  private func near(_ a: [Float], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs(Double($0) - $1) < 1e-6 }
  }

  @Test func simpleRNNByHand() throws {
    // h = relu(x * 2 + h * 0.5 - 1), x = 1, 0, 3: 1, relu(-0.5) = 0, 5.
    let cell = SimpleRNNCell(
      name: "rnn", units: 1, kernel: Matrix(rows: 1, columns: 1, values: [2]),
      recurrentKernel: Matrix(rows: 1, columns: 1, values: [0.5]), bias: [-1], activation: .relu,
      returnSequences: true, zeroOutputForMask: false)
    let model = try Model(layers: [.simpleRNN(cell)], input: .vectors(width: 1), name: "rnn")
    let state = model.makeState()
    #expect(model.answers(to: [[1], [0], [3]], state: state) == [[1], [0], [5]])
    #expect(state.floats == [5])
  }

  @Test func lstmFollowsItsEquations() throws {
    var layers = RandomLayers(seed: 11)
    let layer = layers.lstm(3, 5)
    guard case .lstm(let cell) = layer, let bias = cell.bias else { return }
    let model = try Model(layers: [layer], input: .vectors(width: 3), name: "lstm")
    let state = model.makeState()
    let x: [Float] = [0.3, -0.7, 0.2]
    let h: [Float] = [0.1, 0.4, -0.2, 0.6, -0.5]
    let c: [Float] = [0.9, -1.4, 0.2, 0.3, 0.7]
    try state.load(h + c)
    func gate(_ gate: Int, _ unit: Int) -> Double {
      let column = gate * 5 + unit
      return affine(bias[column], x, cell.kernel, column)
        + affine(0, h, cell.recurrentKernel, column)
    }
    let cells = (0..<5).map { unit in
      sigmoid(gate(1, unit)) * Double(c[unit]) + sigmoid(gate(0, unit)) * tanh(gate(2, unit))
    }
    let outputs = (0..<5).map { sigmoid(gate(3, $0)) * tanh(cells[$0]) }
    let answer = model.answers(to: [x], state: state)[0]
    #expect(near(answer, outputs))
    #expect(near(state.floats, outputs + cells))
  }

  @Test(arguments: [true, false]) func gruFollowsItsEquations(resetAfter: Bool) throws {
    var layers = RandomLayers(seed: 12)
    let layer = layers.gru(3, 4, resetAfter: resetAfter)
    guard case .gru(let cell) = layer, let bias = cell.bias else { return }
    let model = try Model(layers: [layer], input: .vectors(width: 3), name: "gru")
    let state = model.makeState()
    let x: [Float] = [0.3, -0.7, 0.2]
    let h: [Float] = [0.1, 0.4, -0.2, 0.6]
    try state.load(h)
    func recurrentBias(_ column: Int) -> Float { resetAfter ? bias[1, column] : 0 }
    func gate(_ gate: Int, _ unit: Int) -> Double {
      let column = gate * 4 + unit
      return sigmoid(
        affine(bias[0, column], x, cell.kernel, column)
          + affine(recurrentBias(column), h, cell.recurrentKernel, column))
    }
    let resetH = (0..<4).map { Float(gate(1, $0) * Double(h[$0])) }
    let outputs = (0..<4).map { unit in
      let column = 8 + unit
      let input = affine(bias[0, column], x, cell.kernel, column)
      let candidate =
        resetAfter
        ? tanh(
          input + gate(1, unit) * affine(bias[1, column], h, cell.recurrentKernel, column))
        : tanh(input + affine(0, resetH, cell.recurrentKernel, column))
      let z = gate(0, unit)
      return z * Double(h[unit]) + (1 - z) * candidate
    }
    #expect(near(model.answers(to: [x], state: state)[0], outputs))
  }

  @Test func chainsAddInOrder() throws {
    // 2^24 + 1 - 2^24 is 0 in this order, as 2^24 + 1 is no float; any other order gives 1.
    let dense = Dense(
      name: "dense", kernel: Matrix(rows: 2, columns: 1, values: [1, -0x1p24]), bias: [0x1p24],
      activation: .linear)
    let model = try Model(layers: [.dense(dense)], input: .vectors(width: 2), name: "order")
    #expect(model.answers(to: [[1, 1]], state: model.makeState()) == [[0]])
    // The product is not rounded before it is added: (1 + 2^-12)^2 - 1 keeps its last bit.
    let near: Float = 1 + 0x1p-12
    let fused = Dense(
      name: "dense", kernel: Matrix(rows: 1, columns: 1, values: [near]), bias: [-1],
      activation: .linear)
    let second = try Model(layers: [.dense(fused)], input: .vectors(width: 1), name: "fused")
    #expect(second.answers(to: [[near]], state: second.makeState()) == [[0x1p-11 + 0x1p-24]])
  }

  @Test func conv1DByHand() throws {
    // y_t = 100 x[t-4] + 10 x[t-2] + x[t], zeros before the start.
    let conv = Conv1D(
      name: "conv", kernelSize: 3, dilation: 2,
      kernel: Matrix(rows: 3, columns: 1, values: [100, 10, 1]), bias: nil, activation: .linear)
    let model = try Model(layers: [.conv1D(conv)], input: .vectors(width: 1), name: "conv")
    let state = model.makeState()
    let answers = model.answers(to: (1...7).map { [Float($0)] }, state: state)
    #expect(answers == [[1], [2], [13], [24], [135], [246], [357]])
    #expect(state.floats == [4, 5, 6, 7])
    #expect(model.stateLayout.rows.map(\.kind) == (1...4).reversed().map { .past(stepsAgo: $0) })
  }

  @Test func layerNormalizationHasMeanZeroAndVarianceOne() throws {
    var random = RandomFloats(seed: 5)
    let layer = LayerNormalization(name: "norm", width: 37, gamma: nil, beta: nil, epsilon: 1e-7)
    let model = try Model(
      layers: [.layerNormalization(layer)], input: .vectors(width: 37), name: "norm")
    let row = random.floats(37, limit: 9).map { $0 + 20 }
    let y = model.answers(to: [row], state: model.makeState())[0].map(Double.init)
    #expect(abs(y.reduce(0, +) / 37) < 1e-6)
    #expect(abs(y.reduce(0) { $0 + $1 * $1 } / 37 - 1) < 1e-5)
  }
}
