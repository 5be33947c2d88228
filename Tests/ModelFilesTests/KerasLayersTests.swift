import Recurrence
import Testing

@testable import ModelFiles

/// Windows, branches, norms and files of weights alone against Keras, step by step.
struct KerasLayersTests {
  static let cases = Fixture.members(of: "keras-layers", prefix: "").filter {
    !$0.contains(".") && $0 != "refused"
  }
  static let refused = Fixture.members(of: "keras-layers/refused", prefix: "")

  @Test func thereAreFixtures() {
    #expect(Self.cases.count == 18)
    let names = Self.refused.map { $0.replacing(".keras", with: "").replacing(".h5", with: "") }
    #expect(Set(names) == Set(Self.reasons.keys))
  }

  @Test(arguments: cases) func everyStepIsKerasAnswer(name: String) throws {
    let folder = "keras-layers/\(name)"
    let reference = try ReferenceSteps(folder)
    var first: [[Float]]?
    for file in Fixture.members(of: folder, prefix: "model.") where !file.hasSuffix("json") {
      let model = try loadModel(at: Fixture.path("\(folder)/\(file)")).model
      let rows = reference.answers(of: model)
      #expect(reference.difference(from: rows) == nil, "\(file)")
      #expect(rows == first ?? rows, "\(file)")
      first = rows
    }
    #expect(first != nil)
  }

  /// A state that is taken out and loaded after each step gives the same bits, windows and all.
  @Test(arguments: cases) func aStateMayBeMovedAtAnyStep(name: String) throws {
    let folder = "keras-layers/\(name)"
    let file = try #require(
      Fixture.members(of: folder, prefix: "model.").first { !$0.hasSuffix("json") })
    let model = try loadModel(at: Fixture.path("\(folder)/\(file)")).model
    let reference = try ReferenceSteps(folder)
    var floats = model.makeState().floats
    var batch = StepBatch(model: model, capacity: 1)
    var rows: [[Float]] = []
    for step in reference.steps {
      let state = model.makeState()
      try state.load(floats)
      batch.removeAll()
      switch try #require(step.x) {
      case .token(let token): batch.append(state, token: token)
      case .values(let values):
        values.withUnsafeBufferPointer { batch.append(state, vector: $0) }
      }
      model.step(&batch)
      if step.y != nil { rows.append(Array(batch.output(0))) }
      floats = state.floats
    }
    #expect(rows == reference.answers(of: model))
  }

  static let reasons: [String: String] = [
    "add-last": "joins rows that are not of the same steps",
    "attention": "(MultiHeadAttention): has 2 inputs",
    "bidirectional":
      "(Bidirectional): the backward half needs the end of the sequence: not streamable",
    "float16": "(GRU): dtype: is float16, expected float32",
    "go-backwards-gru": "(GRU): go_backwards: starts at the end of the sequence: not streamable",
    "go-backwards-lstm": "(LSTM): go_backwards: starts at the end",
    "go-backwards-simplernn": "(SimpleRNN): go_backwards: starts at the end",
    "model-inside": "(Sequential): a model inside the model is not supported",
    "prelu": "(PReLU): its slopes are weights",
    "return-state": "(GRU): return_state: gives more than one output",
    "time-distributed-rnn": "wraps a Reshape, expected a layer that works on each step alone",
    "time-major-gru": "(GRU): time_major: is true, expected [batch, steps, values]",
    "time-major-lstm": "(LSTM): time_major: is true",
    "time-major-simplernn": "(SimpleRNN): time_major: is true",
    "add-other-steps": "joins rows that are not of the same steps",
    "concatenate-steps": "(Concatenate): axis: is 1, expected the last axis",
    "conv-groups": "(Conv1D): groups: is not supported",
    "conv-same": "(Conv1D): padding: is \"same\", which needs the steps to come: not streamable",
    "flatten-steps": "(Flatten): it joins all steps into one row: not streamable",
    "lookup-hashed": "(StringLookup): num_oov_indices: is not 1: unknown tokens are hashed",
    "mask-operation": "(Add): takes away the mask of the steps before it, which is not supported",
    "mask-reshape": "(Reshape): takes away the mask of the steps before it",
    "mask-rms": "(RMSNormalization): takes away the mask of the steps before it",
    "mean-keepdims": "(GlobalAveragePooling1D): keepdims: is true, expected false",
    "permute": "(Permute): it changes what the steps are: not streamable",
    "pool-same": "(MaxPooling1D): padding: is \"same\", which needs the steps to come",
    "reshape-steps": "(Reshape): target_shape: is [2, 6], which mixes steps or values",
    "text-padded": "(TextVectorization): output_sequence_length: is 5: the text is padded",
    "two-outputs": "the model has outputs [\"dense_",
  ]

  @Test(arguments: refused) func refusesByName(file: String) throws {
    let name = file.replacing(".keras", with: "").replacing(".h5", with: "")
    let reason = try #require(Self.reasons[name])
    do {
      _ = try loadModel(at: Fixture.path("keras-layers/refused/\(file)"))
      Issue.record("loaded")
    } catch {
      #expect("\(error)".contains(reason), "\(error)")
      #expect(!"\(error)".contains("\n"))
    }
  }

  // MARK: Text

  @Test func aModelThatTakesTextKnowsItsTokens() throws {
    func vocabulary(_ name: String) throws -> ModelVocabulary? {
      try loadModel(at: Fixture.path("keras-layers/\(name)/model.keras")).vocabulary
    }
    let words = try #require(try vocabulary("text-words"))
    #expect(words.tokens.prefix(2) == ["", "[UNK]"])
    #expect(words.unknown == 1 && words.split == .whitespace)
    #expect(words.lowercases && words.stripsPunctuation)
    // "Hello, blue sky unheard of sky!" by the ids that Keras gave.
    let ids = try ReferenceSteps("keras-layers/text-words").steps.compactMap { step -> Int? in
      if case .token(let id) = step.x { Int(id) } else { nil }
    }
    #expect(ids.map { words.tokens[$0] } == ["hello", "blue", "sky", "[UNK]", "of", "sky"])
    let characters = try #require(try vocabulary("text-characters"))
    #expect(characters.split == .characters && !characters.stripsPunctuation)
    #expect(
      try vocabulary("lookup-given")
        == ModelVocabulary(
          tokens: ["", "[UNK]", "red", "green", "blue"], unknown: 1, split: .none,
          lowercases: false, stripsPunctuation: false))
    #expect(try vocabulary("lookup-adapted")?.tokens == ["[UNK]", "red", "green"])
    #expect(try vocabulary("norms") == nil)
  }

  // MARK: Weights alone

  @Test func aConfigurationMayBeNamed() throws {
    let weights = Fixture.path("keras-layers/weights-keras3/model.weights.h5")
    let layers = Fixture.path("keras-layers/weights-keras3/model.layers.json")
    let loaded = try loadModel(at: weights, layers: layers)
    #expect(loaded.format == "Keras 3.15.1 (weights)" || loaded.format == "Keras 3 (weights)")
    // The weights of another model do not fit.
    let other = Fixture.path("golden/k_stacked/model.keras")
    do {
      _ = try loadModel(at: weights, layers: other)
      Issue.record("loaded")
    } catch {
      #expect("\(error)".hasPrefix(weights), "\(error)")
    }
    // A whole model needs none.
    #expect(throws: ModelFileError.self) { try loadModel(at: other, layers: layers) }
  }

  @Test func withoutAConfigurationItSaysWhereItIsExpected() throws {
    let file = try ScratchFile(
      Fixture.bytes("keras-layers/weights-keras3/model.weights.h5"), suffix: ".weights.h5")
    do {
      _ = try loadModel(at: file.path)
      Issue.record("loaded")
    } catch {
      let beside = file.path.replacing(".weights.h5", with: ".layers.json")
      #expect("\(error)".contains("expected it in \(beside)"), "\(error)")
    }
  }

  /// Only the length of the bias shows CuDNN's layout.
  @Test func cuDNNWeightsAreTurned() throws {
    func cell(_ folder: String) throws -> LSTMCell? {
      let model = try loadModel(at: Fixture.path("keras-layers/\(folder)/model.h5")).model
      guard case .lstm(let cell) = model.layers[0] else { return nil }
      return cell
    }
    let cell = try #require(try cell("weights-cudnn"))
    #expect(cell.bias?.count == 16)
    #expect(cell.recurrentActivation == .sigmoid)
    // Two gates of one unit each, two inputs: the rows (1, 5), (2, 6) come out as they were.
    let kernel = Tensor(name: "k", shape: [2, 4], values: [1, 2, 3, 4, 5, 6, 7, 8])
    let recurrent = Tensor(name: "r", shape: [1, 4], values: [1, 2, 3, 4])
    let bias = Tensor(name: "b", shape: [8], values: [1, 2, 3, 4, 10, 20, 30, 40])
    let layer = try #require(
      KerasLayer(
        .object(["class_name": .string("LSTM"), "config": .object([:])]), weightGroup: "lstm",
        kerasMajor: 2))
    let converted = CuDNNWeights.converted([kernel, recurrent, bias], of: layer)
    #expect(converted[0].values == kernel.values)
    #expect(converted[2] == Tensor(name: "b", shape: [4], values: [11, 22, 33, 44]))
  }
}
