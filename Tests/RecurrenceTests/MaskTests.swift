import Testing

@testable import Recurrence

struct MaskTests {
  private let tokens: [Int32] = [0, 0, 3, 0, 0, 1, 4, 0]

  private func model(maskZero: Bool, returnSequences: Bool = true, zeroOutput: Bool = false) throws
    -> Model
  {
    var layers = RandomLayers(seed: 41)
    return try Model(
      layers: [
        layers.embedding(5, 3, maskZero: maskZero),
        layers.lstm(3, 4, returnSequences: returnSequences, zeroOutputForMask: zeroOutput),
      ], input: .tokens(vocabulary: 5), name: "masked")
  }

  @Test(arguments: [true, false]) func aMaskedStepLeavesTheStateAndRepeatsTheAnswer(
    returnSequences: Bool
  ) throws {
    let model = try model(maskZero: true, returnSequences: returnSequences)
    let kept = try self.model(maskZero: false)
      .answers(toTokens: [3, 1, 4], state: model.makeState())
    let zero = [Float](repeating: 0, count: 4)
    let state = model.makeState()
    let answers = model.answers(toTokens: tokens, state: state)
    let expected = [zero, zero, kept[0], kept[0], kept[0], kept[1], kept[2], kept[2]]
    #expect(bits(answers) == bits(expected))
    #expect(Array(state.floats[..<4]) == kept[2])
  }

  @Test func withoutMaskZeroTokenZeroIsAStep() throws {
    let model = try model(maskZero: false)
    let answers = model.answers(toTokens: tokens, state: model.makeState())
    #expect(answers[0] != [0, 0, 0, 0])
    #expect(answers[0] != answers[1])
  }

  @Test func zeroOutputForMaskAnswersZerosAndKeepsTheState() throws {
    let plain = try model(maskZero: true)
    let zeroing = try model(maskZero: true, zeroOutput: true)
    let expected = plain.answers(toTokens: tokens, state: plain.makeState())
    let answers = zeroing.answers(toTokens: tokens, state: zeroing.makeState())
    for (position, token) in tokens.enumerated() {
      #expect(answers[position] == (token == 0 ? [0, 0, 0, 0] : expected[position]))
    }
  }

  /// Keras divides by the number of steps that are not masked: before the first there is no mean.
  @Test func theMeanOfMaskedStepsAloneIsNone() throws {
    let mean = Layer.globalPooling1D(GlobalPooling1D(name: "mean", kind: .average, width: 1))
    let masking = Layer.masking(Masking(name: "mask", maskValue: 0))
    // Would make a number of NaN.
    let relu = Layer.activation(ActivationLayer(name: "relu", activation: .relu))
    let model = try Model(
      layers: [masking, mean, relu, .lastAnswer(LastAnswer(name: "last"))],
      input: .vectors(width: 1), name: "mean")
    let rows = model.answers(to: [[0], [0], [4], [0], [2]], state: model.makeState())
    #expect(rows[0][0].isNaN && rows[1][0].isNaN)
    #expect(rows[2...].map { $0[0] } == [4, 4, 3])
    #expect(throws: ModelError.self) {
      try Model(layers: [masking, mean, relu], input: .vectors(width: 1), name: "mean")
    }
  }

  @Test func aMaskFlowsThroughLayersUpToTheEndOfTheSequence() throws {
    var layers = RandomLayers(seed: 42)
    let embedding = layers.embedding(5, 3, maskZero: true)
    let first = layers.gru(3, 4)
    let norm = layers.layerNormalization(4)
    let second = layers.simpleRNN(4, 3, returnSequences: false)
    let model = try Model(
      layers: [embedding, first, norm, second], input: .tokens(vocabulary: 5), name: "two")
    #expect(model.shape == .manyToOne)
    let masked = model.answers(toTokens: tokens, state: model.makeState())
    let dense = model.answers(toTokens: [3, 1, 4], state: model.makeState())
    #expect(bits([masked[2], masked[5], masked[7]]) == bits(dense))
  }

  @Test func maskingZeroesItsRowsAndNoOthers() throws {
    let masking = Layer.masking(Masking(name: "masking", maskValue: -1))
    let model = try Model(layers: [masking], input: .vectors(width: 2), name: "masking")
    let answers = model.answers(to: [[-1, -1], [-1, 2], [0, 0]], state: model.makeState())
    #expect(answers == [[0, 0], [-1, 2], [0, 0]])
  }

  @Test func masksOfStreamsInOneBatchAreTheirOwn() throws {
    let model = try model(maskZero: true)
    let alone = [
      model.answers(toTokens: [3, 0], state: model.makeState()),
      model.answers(toTokens: [0, 3], state: model.makeState()),
    ]
    let states = [model.makeState(), model.makeState()]
    var batch = StepBatch(model: model, capacity: 2)
    for (t, pair) in [(3, 0), (0, 3)].enumerated() {
      batch.removeAll()
      batch.append(states[0], token: Int32(pair.0))
      batch.append(states[1], token: Int32(pair.1))
      model.step(&batch)
      #expect(Array(batch.output(0)) == alone[0][t])
      #expect(Array(batch.output(1)) == alone[1][t])
    }
  }
}
