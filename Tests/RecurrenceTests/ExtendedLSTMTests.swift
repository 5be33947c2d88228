import Testing

@testable import Recurrence

/// The LSTM with peepholes and projection against the plain one and by hand.
struct ExtendedLSTMTests {
  private func one(_ values: [Float]) -> Matrix {
    Matrix(rows: 1, columns: values.count, values: values)
  }

  @Test func withoutExtrasItIsThePlainCellToTheBit() throws {
    var random = RandomLayers(seed: 31)
    let plain = random.lstm(5, 7)
    guard case .lstm(let cell) = plain else { return }
    let extended = ExtendedLSTMCell(
      name: "lstm", units: 7, kernel: cell.kernel, recurrentKernel: cell.recurrentKernel,
      bias: cell.bias, peepholes: nil, projection: nil, activation: .tanh, cellActivation: .tanh,
      recurrentActivation: .sigmoid, returnSequences: true)
    var floats = RandomFloats(seed: 32)
    let rows = (0..<20).map { _ in floats.floats(5) }
    let first = try Model(layers: [plain], input: .vectors(width: 5), name: "plain")
    let second = try Model(layers: [.extendedLSTM(extended)], input: .vectors(width: 5), name: "x")
    #expect(
      bits(first.answers(to: rows, state: first.makeState()))
        == bits(second.answers(to: rows, state: second.makeState())))
  }

  @Test func peepholesAndProjectionByHand() throws {
    // Linear everywhere: i = x + 2c, f = 3c, g = x, o = 5c'; h = 7 o c'.
    let cell = ExtendedLSTMCell(
      name: "lstm", units: 1, kernel: one([1, 0, 1, 0]), recurrentKernel: one([0, 0, 0, 0]),
      bias: nil, peepholes: [2, 3, 5], projection: one([7]), activation: .linear,
      cellActivation: .linear, recurrentActivation: .linear, returnSequences: true)
    let model = try Model(
      layers: [.extendedLSTM(cell)], input: .vectors(width: 1), name: "hand")
    let state = model.makeState()
    // c: 1, then 3 * 1 * 1 + (2 + 2) * 2 = 11; h = 35 c^2.
    #expect(model.answers(to: [[1], [2]], state: state) == [[35], [35 * 121]])
    #expect(state.floats == [35 * 121, 11])
    #expect(model.stateLayout.rows.map(\.kind) == [.h, .c])
  }

  @Test func aWrongProjectionIsNamed() throws {
    let cell = ExtendedLSTMCell(
      name: "lstm", units: 2,
      kernel: Matrix(rows: 1, columns: 8, values: [Float](repeating: 0, count: 8)),
      recurrentKernel: Matrix(rows: 1, columns: 8, values: [Float](repeating: 0, count: 8)),
      bias: nil, peepholes: [1], projection: one([7]), activation: .tanh, cellActivation: .tanh,
      recurrentActivation: .sigmoid, returnSequences: true)
    #expect(
      throws: ModelError.wrongShape(
        layer: LayerPlace(index: 0, name: "lstm", kindName: "LSTM"), tensor: "peepholes",
        expected: [6], received: [1])
    ) { try Model(layers: [.extendedLSTM(cell)], input: .vectors(width: 1), name: "wrong") }
  }

  @Test func theLastStepEndsTheSequence() throws {
    var random = RandomLayers(seed: 33)
    let last = Layer.lastStep(LastStep(name: "last"))
    let model = try Model(
      layers: [random.gru(2, 3), last, random.dense(3, 2, .softmax)], input: .vectors(width: 2),
      name: "last")
    #expect(model.shape == .manyToOne)
    #expect(model.outputIsDistribution)
    #expect(throws: ModelError.self) {
      try Model(
        layers: [random.gru(2, 3), last, random.gru(3, 3)], input: .vectors(width: 2), name: "last")
    }
    #expect(throws: ModelError.self) {
      try Model(
        layers: [random.gru(2, 3), last, .repeatVector(RepeatVector(name: "r", count: 2))],
        input: .vectors(width: 2), name: "last")
    }
  }
}
