import Testing

@testable import Recurrence

struct ModelTests {
  @Test func summariesCountAsKerasDoes() throws {
    let model = try RandomLayers.everyStatefulLayer()
    #expect(
      model.layerSummaries.map(\.kindName) == [
        "BatchNormalization", "Conv1D", "LSTM", "LayerNormalization", "GRU", "GRU", "SimpleRNN",
        "Dense",
      ])
    #expect(model.layerSummaries.map(\.outputWidth) == [5, 9, 20, 20, 17, 6, 33, 4])
    // Keras: 4 * 5; 3*5*9 + 9; 4*20*(9+20+1); 2*20; 3*17*(20+17+2); 3*6*(17+6+1); 33*(6+33+1); 34*4.
    #expect(
      model.layerSummaries.map(\.parameterCount) == [20, 144, 2400, 40, 1989, 432, 1320, 136])
    #expect(model.parameterCount == 6481)
    #expect(model.layers.map(\.parameterCount) == model.layerSummaries.map(\.parameterCount))
    #expect(model.outputWidth == 4)
  }

  @Test func distributionsAreKnown() throws {
    var layers = RandomLayers(seed: 61)
    func isDistribution(_ last: [Layer]) throws -> Bool {
      try Model(layers: last, input: .vectors(width: 3), name: "last").outputIsDistribution
    }
    #expect(try isDistribution([layers.dense(3, 4, .softmax)]))
    #expect(try !isDistribution([layers.dense(3, 1, .sigmoid)]))
    #expect(try !isDistribution([layers.lstm(3, 2)]))
    #expect(try !isDistribution([layers.dense(3, 4, .softmax), layers.batchNormalization(4)]))
    let softmax = Layer.activation(ActivationLayer(name: "softmax", activation: .softmax))
    #expect(try isDistribution([layers.dense(3, 4), softmax]))
  }

  @Test func shapesAreKnown() throws {
    var layers = RandomLayers(seed: 62)
    let many = try Model(
      layers: [layers.lstm(3, 2), layers.dense(2, 2)], input: .vectors(width: 3), name: "many")
    #expect(many.shape == .manyToMany)
    let one = try Model(
      layers: [layers.lstm(3, 2, returnSequences: false)], input: .vectors(width: 3), name: "one")
    #expect(one.shape == .manyToOne)
    let repeated = try oneToMany()
    #expect(repeated.shape == .oneToMany(count: 4))
    // The state of a stream is the encoder's alone.
    #expect(repeated.stateLayout.rows.map(\.layerIndex) == [0, 1, 1])
  }

  private func oneToMany() throws -> Model {
    var layers = RandomLayers(seed: 63)
    return try Model(
      layers: [
        layers.gru(3, 5), layers.lstm(5, 4, returnSequences: false), layers.dense(4, 3, .tanh),
        .repeatVector(RepeatVector(name: "repeat_vector", count: 4)),
        layers.conv1D(3, 3, size: 2, dilation: 1), layers.gru(3, 5), layers.dense(5, 2),
      ], input: .vectors(width: 3), name: "one to many")
  }

  @Test func decodingLeavesTheEncoderAsItWas() throws {
    let model = try oneToMany()
    var random = RandomFloats(seed: 64)
    let rows = (0..<6).map { _ in random.floats(3) }
    let state = model.makeState()
    let quiet = model.makeState()
    var decoded: [Matrix] = []
    for row in rows {
      #expect(model.answers(to: [row], state: state) == [[]])
      _ = model.answers(to: [row], state: quiet)
      decoded.append(model.decode(state))
      #expect(model.decode(state) == decoded.last)
      #expect(state.floats == quiet.floats)
    }
    #expect(decoded.allSatisfy { $0.rows == 4 && $0.columns == 2 })
    #expect(Set(decoded.map { digest($0.values) }).count == 6)
  }

  @Test func decodingIsTheDecoderAloneFedTheSameRow() throws {
    let model = try oneToMany()
    var random = RandomFloats(seed: 65)
    let state = model.makeState()
    _ = model.answers(to: [random.floats(3), random.floats(3)], state: state)
    let bridge = try Model(layers: [model.layers[2]], input: .vectors(width: 4), name: "bridge")
    let decoder = try Model(
      layers: Array(model.layers[4...]), input: .vectors(width: 3), name: "decoder")
    let h = state.row(model.stateLayout.rows[1])
    let repeated = bridge.answers(to: [h], state: bridge.makeState())[0]
    let rows = decoder.answers(
      to: [[Float]](repeating: repeated, count: 4), state: decoder.makeState())
    let decoded = model.decode(state)
    #expect(bits((0..<4).map { decoded.row($0) }) == bits(rows))
  }
}
