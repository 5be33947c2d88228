import Testing

@testable import Recurrence

/// Branches, steps that are left out, windows and running values.
struct BranchTests {
  private func branch(_ kind: Branch.Kind) -> Layer { .branch(Branch(name: "branch", kind: kind)) }

  private func scaling(_ factor: Float, width: Int = 1) -> Layer {
    .scaling(
      Scaling(
        name: "scaling", scale: [Float](repeating: factor, count: width),
        offset: [Float](repeating: 0, count: width)))
  }

  private func selection(_ skipped: Int, _ every: Int) -> Layer {
    .stepSelection(StepSelection(name: "selection", skipped: skipped, every: every))
  }

  private let lastAnswer = Layer.lastAnswer(LastAnswer(name: "last"))

  private func answers(_ layers: [Layer], _ x: [Float]) throws -> [[Float]] {
    let model = try Model(layers: layers, input: .vectors(width: 1), name: "branches")
    let rows = x.map { [$0] }
    let answers = model.answers(to: rows, state: model.makeState())
    // Many steps of one stream at once are the same bits.
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: rows.count)
    for row in rows { batch.append(state, row: row) }
    model.step(&batch)
    #expect(bits(rows.indices.map { Array(batch.output($0)) }) == bits(answers))
    return answers
  }

  @Test(arguments: [
    (Branch.Join.add, [Float(5)]), (.subtract, [-1]), (.multiply, [6]), (.average, [2.5]),
    (.maximum, [3]), (.minimum, [2]), (.concatenate, [2, 3]),
  ]) func joinsByHand(join: Branch.Join, expected: [Float]) throws {
    // 2x and 3x of x = 1.
    let layers = [
      branch(.keep(slot: 0)), scaling(2), branch(.keep(slot: 1)), branch(.recall(slot: 0)),
      scaling(3), branch(.keep(slot: 2)), branch(.join(join, slots: [1, 2])),
    ]
    #expect(try answers(layers, [1]) == [expected])
  }

  @Test func aStrideHoldsTheAnswerBetween() throws {
    // The first two steps give nothing, then every third does.
    let rows = try answers([selection(2, 3), scaling(10), lastAnswer], [1, 2, 3, 4, 5, 6, 7])
    #expect(rows[0][0].isNaN && rows[1][0].isNaN)
    #expect(rows[2...].map { $0[0] } == [30, 30, 30, 60, 60])
  }

  @Test func recurrentLayersStandStillAtStepsLeftOut() throws {
    // h' = h + x over every second step.
    let sum = Layer.simpleRNN(
      SimpleRNNCell(
        name: "rnn", units: 1, kernel: Matrix(rows: 1, columns: 1, values: [1]),
        recurrentKernel: Matrix(rows: 1, columns: 1, values: [1]), bias: nil, activation: .linear,
        returnSequences: true, zeroOutputForMask: false))
    let rows = try answers([selection(0, 2), sum, lastAnswer], [1, 2, 3, 4, 5])
    #expect(rows == [[1], [1], [4], [4], [9]])
  }

  @Test func windowsWithinWindows() throws {
    // Maximum of 2, every second; then the mean of 2 of these, every one.
    let layers = [
      Layer.pooling1D(Pooling1D(name: "max", kind: .maximum, size: 2, width: 1)), selection(1, 2),
      .pooling1D(Pooling1D(name: "mean", kind: .average, size: 2, width: 1)), selection(1, 1),
      lastAnswer,
    ]
    let rows = try answers(layers, [1, 5, 3, 2, 9, 8])
    #expect(rows[..<3].allSatisfy { $0[0].isNaN })
    #expect(rows[3...].map { $0[0] } == [4, 4, 6])
  }

  @Test func runningValues() throws {
    let average = Layer.globalPooling1D(GlobalPooling1D(name: "mean", kind: .average, width: 1))
    let maximum = Layer.globalPooling1D(GlobalPooling1D(name: "max", kind: .maximum, width: 1))
    #expect(try answers([average], [3, 1, 2]) == [[3], [2], [2]])
    #expect(try answers([maximum], [-3, -5, 2]) == [[-3], [-3], [2]])
  }

  @Test func aMeanOfManyStepsKeepsItsDigits() throws {
    let layer = GlobalPooling1D(name: "mean", kind: .average, width: 1)
    var state: [Float] = [0, 0, 0, 0]
    var output: Float = 0
    state.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      for step in 0..<3_000_000 {
        var x: Float = step.isMultiple(of: 2) ? 0.1 : 0.3
        _ = layer.step(
          input: &x, total: start, rounded: start + 1, count: start + 2, output: &output)
      }
    }
    #expect(abs(output - 0.2) < 1e-7)
  }

  @Test func aStateStartsWhereItIsTold() throws {
    let sum = Layer.simpleRNN(
      SimpleRNNCell(
        name: "rnn", units: 1, kernel: Matrix(rows: 1, columns: 1, values: [1]),
        recurrentKernel: Matrix(rows: 1, columns: 1, values: [1]), bias: nil, activation: .linear,
        returnSequences: true, zeroOutputForMask: false))
    let start = Layer.startingState(StartingState(name: "start", h: [100], c: nil))
    #expect(try answers([start, sum], [1, 2]) == [[101], [103]])
    #expect(throws: ModelError.self) { try answers([start, scaling(1)], [1]) }
  }

  /// Branches may join before the encoder's last layer; between it and RepeatVector its h is the row.
  @Test func aJoinedRowIsRepeated() throws {
    let last = Layer.simpleRNN(
      SimpleRNNCell(
        name: "last", units: 1, kernel: Matrix(rows: 1, columns: 1, values: [1]),
        recurrentKernel: Matrix(rows: 1, columns: 1, values: [1]), bias: nil, activation: .linear,
        returnSequences: false, zeroOutputForMask: false))
    let twice = [branch(.keep(slot: 0)), scaling(2), branch(.keep(slot: 1))]
    let sum = branch(.join(.add, slots: [0, 1]))
    let repeating = Layer.repeatVector(RepeatVector(name: "repeat", count: 2))
    let model = try Model(
      layers: twice + [sum, last, scaling(10), repeating, scaling(2)], input: .vectors(width: 1),
      name: "joined")
    let state = model.makeState()
    _ = model.answers(to: [[1], [2]], state: state)
    // (1 + 2) + (2 + 4), times 10, times 2.
    for plainly in [false, true] {
      let rows = model.decode(state, plainly: plainly)
      #expect(rows.rows == 2 && Array(rows.row(0)) == [180] && Array(rows.row(1)) == [180])
    }
    #expect {
      try Model(
        layers: [last] + twice + [sum, repeating], input: .vectors(width: 1), name: "wrong")
    } throws: {
      "\($0)".contains("and no branches between")
    }
  }

  @Test func normsByHand() throws {
    let normalization = Layer.normalization(
      Normalization(name: "norm", mean: [10], variance: [4]))
    #expect(try answers([normalization], [10, 14]) == [[0], [2]])
    let rms = RMSNormalization(name: "rms", scale: [1, 2], epsilon: 1)
    let model = try Model(
      layers: [.rmsNormalization(rms)], input: .vectors(width: 2), name: "rms")
    // sqrt((1 + 49) / 2 - 1 + 1) = 5 with epsilon 1 of mean square 24.
    let root = Float(24).squareRoot()
    #expect(
      model.answers(to: [[root, root]], state: model.makeState()) == [[root / 5, root / 5 * 2]])
  }

  @Test func whatDoesNotFitIsNamed() throws {
    func refuses(_ layers: [Layer], _ words: String) {
      do {
        _ = try Model(layers: layers, input: .vectors(width: 1), name: "wrong")
        Issue.record("made")
      } catch {
        #expect("\(error)".contains(words), "\(error)")
      }
    }
    refuses([selection(1, 1), scaling(1)], "expected a LastAnswer behind it")
    refuses([branch(.recall(slot: 0))], "nothing is kept in slot 0")
    refuses(
      [branch(.keep(slot: 0)), branch(.keep(slot: 0))], "slot is 0, expected one of its own")
    refuses(
      [
        branch(.keep(slot: 0)), selection(1, 1), branch(.keep(slot: 1)),
        branch(.join(.add, slots: [0, 1])), lastAnswer,
      ], "joins rows that are not of the same steps")
    refuses(
      [selection(1, 1), .masking(Masking(name: "mask", maskValue: 0)), lastAnswer],
      "cannot stand behind")
    refuses([branch(.join(.subtract, slots: [0]))], "inputs is 1, expected two")
  }
}
