import Testing

@testable import Recurrence

struct ModelErrorTests {
  private func error(_ layers: [Layer], _ input: ModelInput = .vectors(width: 3)) -> ModelError? {
    do throws(ModelError) {
      _ = try Model(layers: layers, input: input, name: "bad")
      return nil
    } catch {
      return error
    }
  }

  private func place(_ index: Int, _ name: String, _ kindName: String) -> LayerPlace {
    LayerPlace(index: index, name: name, kindName: kindName)
  }

  private let masking = Layer.masking(Masking(name: "masking", maskValue: 0))
  private let repeating = Layer.repeatVector(RepeatVector(name: "repeat_vector", count: 2))

  private func lstm(
    units: Int = 2, kernel: [Int] = [3, 8], recurrent: [Int] = [2, 8], bias: Int = 8,
    poison: Float = 0
  ) -> Layer {
    func matrix(_ shape: [Int]) -> Matrix {
      Matrix(
        rows: shape[0], columns: shape[1],
        values: [Float](repeating: 0, count: shape[0] * shape[1]))
    }
    return .lstm(
      LSTMCell(
        name: "lstm", units: units, kernel: matrix(kernel), recurrentKernel: matrix(recurrent),
        bias: (0..<bias).map { $0 == 5 ? poison : 0 }, activation: .tanh,
        recurrentActivation: .sigmoid, returnSequences: true, zeroOutputForMask: false))
  }

  @Test func noLayers() { #expect(error([]) == .noLayers) }

  @Test func wrongShapesNameTheTensor() {
    let here = place(0, "lstm", "LSTM")
    #expect(
      error([lstm(kernel: [3, 6])])
        == .wrongShape(layer: here, tensor: "kernel", expected: [3, 8], received: [3, 6]))
    #expect(
      error([lstm(recurrent: [3, 8])])
        == .wrongShape(
          layer: here, tensor: "recurrent_kernel", expected: [2, 8], received: [3, 8]))
    #expect(
      error([lstm(bias: 16)])
        == .wrongShape(layer: here, tensor: "bias", expected: [8], received: [16]))
  }

  @Test(arguments: [true, false]) func aGRUBiasOfTheOtherKindIsRefused(resetAfter: Bool) {
    var layers = RandomLayers(seed: 71)
    let cell = GRUCell(
      name: "gru", units: 2, kernel: layers.matrix(3, 6), recurrentKernel: layers.matrix(2, 6),
      bias: layers.matrix(resetAfter ? 1 : 2, 6), activation: .tanh, recurrentActivation: .sigmoid,
      resetAfter: resetAfter, returnSequences: true, zeroOutputForMask: false)
    #expect(
      error([.gru(cell)])
        == .wrongShape(
          layer: place(0, "gru", "GRU"), tensor: "bias", expected: [resetAfter ? 2 : 1, 6],
          received: [resetAfter ? 1 : 2, 6]))
  }

  @Test func shapesOfTheOtherLayersAreChecked() {
    let four = Matrix(rows: 4, columns: 2, values: [Float](repeating: 1, count: 8))
    let conv = Conv1D(
      name: "conv1d", kernelSize: 3, dilation: 1, kernel: four, bias: nil, activation: .linear)
    #expect(
      error([.conv1D(conv)], .vectors(width: 1))
        == .wrongShape(
          layer: place(0, "conv1d", "Conv1D"), tensor: "kernel", expected: [3, 2],
          received: [4, 2]))
    let dense = Dense(name: "dense", kernel: four, bias: [1], activation: .linear)
    #expect(
      error([.dense(dense)], .vectors(width: 4))
        == .wrongShape(
          layer: place(0, "dense", "Dense"), tensor: "bias", expected: [2], received: [1]))
    let batch = BatchNormalization(
      name: "bn", gamma: [1, 1], beta: nil, movingMean: [0, 0, 0], movingVariance: [1, 1, 1],
      epsilon: 1e-3)
    #expect(
      error([.batchNormalization(batch)])
        == .wrongShape(
          layer: place(0, "bn", "BatchNormalization"), tensor: "gamma", expected: [3],
          received: [2]))
    let norm = LayerNormalization(name: "ln", width: 3, gamma: nil, beta: [1], epsilon: 1e-3)
    #expect(
      error([.layerNormalization(norm)])
        == .wrongShape(
          layer: place(0, "ln", "LayerNormalization"), tensor: "beta", expected: [3],
          received: [1]))
  }

  @Test(arguments: [(Float.infinity, "inf"), (-.infinity, "-inf"), (.nan, "nan")])
  func weightsThatAreNotFiniteAreRefused(poison: Float, text: String) {
    #expect(
      error([lstm(poison: poison)])
        == .notFinite(layer: place(0, "lstm", "LSTM"), tensor: "bias", index: 5, value: text))
  }

  @Test func badOptions() {
    func option(_ layer: Layer, _ option: String, _ expected: String, _ received: String) -> Bool {
      error([layer], .vectors(width: 3))
        == .badOption(
          layer: place(0, layer.name, layer.kindName), option: option, expected: expected,
          received: received)
    }
    #expect(option(lstm(units: 0), "units", "at least 1", "0"))
    #expect(option(lstm(units: -1), "units", "at least 1", "-1"))
    #expect(
      option(.repeatVector(RepeatVector(name: "repeat", count: 0)), "n", "at least 1", "0"))
    var layers = RandomLayers(seed: 72)
    #expect(
      option(layers.conv1D(3, 2, size: 2, dilation: 0), "dilation_rate", "at least 1", "0"))
    let norm = LayerNormalization(name: "ln", width: 3, gamma: nil, beta: nil, epsilon: 0)
    #expect(option(.layerNormalization(norm), "epsilon", "a finite number above 0", "0.0"))
    let batch = BatchNormalization(
      name: "bn", gamma: nil, beta: nil, movingMean: [0, 0, 0], movingVariance: [1, -2, 1],
      epsilon: 1)
    #expect(
      option(.batchNormalization(batch), "moving_variance + epsilon", "above 0", "-1.0"))
    #expect(
      option(
        .masking(Masking(name: "masking", maskValue: .nan)), "mask_value", "a number", "nan"))
  }

  @Test func widthsMustFit() {
    var layers = RandomLayers(seed: 73)
    #expect(
      error([lstm(), layers.dense(3, 1)])
        == .wrongInputWidth(layer: place(1, "dense", "Dense"), expected: 3, received: 2))
    #expect(
      error([masking, lstm()], .vectors(width: 4))
        == .wrongInputWidth(layer: place(1, "lstm", "LSTM"), expected: 3, received: 4))
    #expect(error([lstm()], .vectors(width: 0)) == .badInputWidth(received: 0))
  }

  @Test func embeddingsComeFirst() {
    var layers = RandomLayers(seed: 74)
    let embedding = layers.embedding(5, 3)
    let here = place(0, "embedding", "Embedding")
    #expect(
      error([embedding], .tokens(vocabulary: 6))
        == .wrongVocabulary(layer: here, expected: 6, received: 5))
    #expect(
      error([lstm()], .tokens(vocabulary: 5))
        == .tokensWithoutEmbedding(layer: place(0, "lstm", "LSTM")))
    #expect(error([embedding], .vectors(width: 3)) == .embeddingOfVectors(layer: here))
    #expect(
      error([embedding, embedding], .tokens(vocabulary: 5))
        == .embeddingOfVectors(layer: place(1, "embedding", "Embedding")))
  }

  @Test func masksStopAtLayersThatCannotPassOver() {
    var layers = RandomLayers(seed: 75)
    let conv = layers.conv1D(3, 3, size: 2, dilation: 1)
    #expect(
      error([masking, lstm(), layers.dense(2, 3), conv])
        == .maskNotSupported(
          layer: place(3, "conv1d", "Conv1D"), maskedBy: place(0, "masking", "Masking")))
    #expect(
      error([layers.embedding(4, 3, maskZero: true), conv], .tokens(vocabulary: 4))
        == .maskNotSupported(
          layer: place(1, "conv1d", "Conv1D"), maskedBy: place(0, "embedding", "Embedding")))
    #expect(
      error([masking, repeating])
        == .maskNotSupported(
          layer: place(1, "repeat_vector", "RepeatVector"), maskedBy: place(0, "masking", "Masking")
        ))
    let last = layers.lstm(3, 3, returnSequences: false)
    #expect(error([masking, last, repeating, conv]) == nil)
  }

  @Test func sequencesEndWhereTheyAreNotReturned() {
    var layers = RandomLayers(seed: 76)
    let last = layers.lstm(3, 3, returnSequences: false)
    let ended = place(0, "lstm", "LSTM")
    #expect(
      error([last, layers.gru(3, 2)])
        == .sequenceEnded(layer: place(1, "gru", "GRU"), endedBy: ended))
    #expect(
      error([last, layers.dense(3, 3), layers.conv1D(3, 2, size: 2, dilation: 1)])
        == .sequenceEnded(layer: place(2, "conv1d", "Conv1D"), endedBy: ended))
    let again = place(1, "repeat_vector", "RepeatVector")
    #expect(error([layers.lstm(3, 3), repeating]) == .repeatOfSequence(layer: again))
    #expect(
      error([last, repeating, layers.lstm(3, 3), repeating])
        == .repeatedTwice(layer: place(3, "repeat_vector", "RepeatVector"), first: again))
    #expect(
      error([last, repeating, last]) == .decoderReturnsLast(layer: place(2, "lstm", "LSTM")))
    let zeroing = layers.lstm(3, 3, returnSequences: false, zeroOutputForMask: true)
    #expect(
      error([masking, zeroing, repeating])
        == .zeroOutputBeforeRepeat(layer: place(1, "lstm", "LSTM")))
    #expect(error([zeroing, repeating]) == nil)
  }

  @Test func errorsAreOneLineThatNamesTheLayer() {
    let text =
      error([lstm(kernel: [3, 6])]).map(String.init(describing:)) ?? ""
    #expect(
      text == "layer 0 'lstm' (LSTM): kernel has shape [3, 6], expected [3, 8]; "
        + "the weights belong to other layer options")
  }
}
