import Millrace
import ModelFiles
import Recurrence

/// The models of the end-to-end benchmark: token ids in, 16 values out.
enum BenchModel: String, CaseIterable {
  /// Embedding, LSTM of 128 units, Dense with a softmax.
  case lstm
  /// A row of an Embedding: the same sockets, threads and messages, no arithmetic.
  case echo

  static let vocabulary = 8192
  static let outputs = 16
  static let units = 128

  func make() throws -> Model {
    var random: UInt64 = 7
    func matrix(_ rows: Int, _ columns: Int) -> Matrix {
      Matrix(
        rows: rows, columns: columns,
        values: (0..<rows * columns).map { _ in
          random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return (Float(random >> 40) / 8_388_608 - 1) * 0.09
        })
    }
    let layers: [Layer]
    switch self {
    case .echo:
      layers = [
        .embedding(
          Embedding(
            name: "rows", embeddings: matrix(Self.vocabulary, Self.outputs), maskZero: false))
      ]
    case .lstm:
      layers = [
        .embedding(
          Embedding(
            name: "embedding", embeddings: matrix(Self.vocabulary, Self.units), maskZero: false)),
        .lstm(
          LSTMCell(
            name: "lstm", units: Self.units, kernel: matrix(Self.units, 4 * Self.units),
            recurrentKernel: matrix(Self.units, 4 * Self.units), bias: nil, activation: .tanh,
            recurrentActivation: .sigmoid, returnSequences: true, zeroOutputForMask: false)),
        .dense(
          Dense(
            name: "dense", kernel: matrix(Self.units, Self.outputs), bias: nil,
            activation: .softmax)),
      ]
    }
    return try Model(layers: layers, input: .tokens(vocabulary: Self.vocabulary), name: rawValue)
  }

  /// Steps a second of the model alone on one core, so many streams in a batch.
  func bareStepsPerSecond(_ model: Model, streams: Int, seconds: Double) -> Double {
    let states = (0..<streams).map { _ in model.makeState() }
    var batch = StepBatch(model: model, capacity: streams)
    var random: UInt64 = 3
    var steps = 0
    let began = Clock.seconds
    var now = began
    while now - began < seconds {
      for _ in 0..<max(1, 2000 / streams) {
        batch.removeAll()
        for state in states {
          random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          batch.append(state, token: Int32((random >> 33) % UInt64(Self.vocabulary)))
        }
        model.step(&batch)
        steps += streams
      }
      now = Clock.seconds
    }
    withExtendedLifetime(states) {}
    return Double(steps) / (now - began)
  }
}
