import Recurrence
import Testing

@testable import ModelFiles

/// Every Keras fixture against its Keras, step by step.
struct KerasFileTests {
  static let golden = Fixture.members(of: "golden", prefix: "k_")
    .filter { $0 != "k_bidirectional" }.map { "golden/\($0)" }
  static let forms = Fixture.members(of: "model-files", prefix: "keras").map { "model-files/\($0)" }

  @Test func thereAreFixtures() {
    #expect(Self.golden.count == 18)
    #expect(Self.forms.count == 7)
  }

  @Test(arguments: golden + forms + ["trained/nab-taxi-forecast"])
  func everyStepIsKerasAnswer(folder: String) throws {
    let reference = try ReferenceSteps(folder)
    let files = Fixture.members(of: folder, prefix: "model.")
    #expect(!files.isEmpty)
    var first: [[Float]]?
    for file in files {
      let loaded = try loadModel(at: Fixture.path("\(folder)/\(file)"))
      let rows = reference.answers(of: loaded.model)
      #expect(reference.difference(from: rows) == nil, "\(file)")
      // Both forms of one model hold the same weights, so they give the same bits.
      #expect(rows == first ?? rows, "\(file)")
      first = rows
    }
  }

  @Test(arguments: [
    ("golden/k_lstm_seq", SequenceShape.manyToMany, ModelInput.vectors(width: 4)),
    ("golden/k_embed_lstm_last", .manyToOne, .tokens(vocabulary: 20)),
    ("golden/k_repeat_vector", .oneToMany(count: 4), .vectors(width: 3)),
    ("golden/k_hello_onehot", .manyToMany, .vectors(width: 5)),
  ])
  func shapeAndInputAreKnown(folder: String, shape: SequenceShape, input: ModelInput) throws {
    let model = try loadModel(at: Fixture.path("\(folder)/model.keras")).model
    #expect(model.shape == shape)
    #expect(model.input == input)
  }

  @Test func refusesABackwardHalf() throws {
    let path = Fixture.path("golden/k_bidirectional/model.keras")
    #expect(
      throws: ModelFileError.unsupported(
        path: path, layer: "'bidirectional' (Bidirectional)", option: nil,
        reason: "the backward half needs the end of the sequence: not streamable")
    ) { try loadModel(at: path) }
  }

  /// Keras 2 and 3 mean different functions by one name.
  @Test func theVersionDecidesHardSigmoid() throws {
    func gate(_ file: String) throws -> Activation? {
      let model = try loadModel(at: Fixture.path(file)).model
      for layer in model.layers {
        if case .lstm(let cell) = layer { return cell.recurrentActivation }
      }
      return nil
    }
    #expect(try gate("golden/k_lstm_hard_sigmoid/model.keras") == .hardSigmoid)
    #expect(try gate("model-files/keras2-hard-sigmoid/model.keras") == .hardSigmoidKeras2)
    #expect(try gate("model-files/keras2-hard-sigmoid/model.h5") == .hardSigmoidKeras2)
    #expect(try gate("model-files/keras1/model.h5") == .hardSigmoidKeras2)
  }
}
