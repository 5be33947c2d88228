import Recurrence
import Testing

@testable import ModelFiles

/// Every PyTorch fixture against PyTorch, step by step, and layers files that do not fit.
struct TorchFileTests {
  static let golden = Fixture.members(of: "golden", prefix: "t_").filter { $0 != "t_bidirectional" }
  static let own = Fixture.members(of: "torch", prefix: "")
    .filter { !$0.contains(".") && !$0.hasPrefix("_") }

  @Test func thereAreFixtures() {
    #expect(Self.golden.count == 6)
    #expect(Self.own.count == 13)
  }

  @Test(arguments: golden) func everyStepIsTheGoldenOne(name: String) throws {
    let folder = "golden/\(name)"
    let loaded = try loadModel(
      at: Fixture.path("\(folder)/model.safetensors"),
      layers: Fixture.path("\(folder)/case.json"))
    let reference = try ReferenceSteps(folder)
    let answers = reference.answers(of: loaded.model)
    #expect(reference.difference(from: answers) == nil)
    #expect(loaded.format == "PyTorch (.safetensors)")
  }

  @Test(arguments: own) func everyStepIsPyTorchsAnswer(name: String) throws {
    let folder = "torch/\(name)"
    let model = try loadModel(at: Fixture.path("\(folder)/model.safetensors")).model
    let reference = try ReferenceSteps(folder)
    #expect(reference.difference(from: reference.answers(of: model)) == nil)
  }

  @Test func theLastStepMakesItManyToOne() throws {
    let model = try loadModel(at: Fixture.path("torch/embedding-last/model.safetensors")).model
    #expect(model.shape == .manyToOne)
    #expect(model.input == .tokens(vocabulary: 9))
  }

  // MARK: Refusals

  /// What is said of the golden LSTM, 3 values to 5 units and Linear to 2, with these layers.
  private func message(_ layers: String, of name: String = "t_lstm") throws -> String {
    let file = try ScratchFile(Array(layers.utf8), suffix: ".json")
    do {
      let loaded = try loadModel(
        at: Fixture.path("golden/\(name)/model.safetensors"), layers: file.path)
      return "loaded \(loaded.format)"
    } catch {
      #expect(!"\(error)".contains("\n"))
      return "\(error)"
    }
  }

  @Test(arguments: [
    (#"[{"kind":"lstm","prefix":"layers.0"},{"kind":"linear","prefix":"layers.1"}]"#, "loaded"),
    (
      #"{"layers":[{"kind":"lstm","prefix":"layers.0"}]}"#,
      "tensor layers.1.bias belongs to no layer"
    ),
    (
      #"[{"kind":"lstm","prefix":"layers.0","hidden":6},{"kind":"linear","prefix":"layers.1"}]"#,
      "layer 'layers.0' (lstm): hidden: is 6, but layers.0.weight_ih_l0 has 20 rows"
    ),
    (
      #"[{"kind":"lstm","prefix":"layers.0","input":4},{"kind":"linear","prefix":"layers.1"}]"#,
      "layer 'layers.0' (lstm): input: is 4, but the weights are for 3"
    ),
    (
      #"[{"kind":"gru","prefix":"layers.0"},{"kind":"linear","prefix":"layers.1"}]"#,
      "layer 'layers.0' (gru): hidden: is 0, but layers.0.weight_ih_l0 has 20 rows"
    ),
    (
      #"[{"kind":"lstm","prefix":"layers.0","num_layers":2},{"kind":"linear","prefix":"layers.1"}]"#,
      "tensor layers.0.weight_ih_l1 is missing"
    ),
    (
      #"[{"kind":"lstm","prefix":"layers.0","bias":false},{"kind":"linear","prefix":"layers.1"}]"#,
      "layer 'layers.0' (lstm): bias: is false, but there is layers.0.bias_ih_l0"
    ),
    (
      #"[{"kind":"lstm","prefix":"layers.0","proj_size":2},{"kind":"linear","prefix":"layers.1"}]"#,
      "tensor layers.0.weight_hr_l0 is missing"
    ),
    (
      #"[{"kind":"lstm","prefix":"layers.0","peepholes":true},{"kind":"linear","prefix":"layers.1"}]"#,
      "layer 'layers.0' (lstm): peepholes: is not known; expected one of"
    ),
    (
      #"[{"kind":"lstm","prefix":"layers.0"},{"kind":"linear","prefix":"layers.1","out":3}]"#,
      "layer 'layers.1' (linear): out: is 3, but the weights are for 2"
    ),
    (
      #"[{"kind":"lstm","prefix":"layers.0"},{"kind":"attention","prefix":"layers.1"}]"#,
      "layer 'layers.1' (attention): this kind of layer is not supported"
    ),
    (
      #"[{"kind":"lstm","prefix":"layers.0"},{"kind":"last"},{"kind":"lstm","prefix":"layers.0"}]"#,
      "tensor layers.0.weight_ih_l0 has shape [20, 3], expected [any, 5]"
    ),
    (#"[{"prefix":"layers.0"}]"#, "layer 0 has no \"kind\""),
    (#"{"layer":[]}"#, "has no array \"layers\""),
    (#"{"layers":[]}"#, "tensor layers.0.bias_hh_l0 belongs to no layer"),
    (#"layers: []"#, "is not JSON"),
  ]) func oneLineSaysWhatDoesNotFit(layers: String, reason: String) throws {
    let text = try message(layers)
    #expect(text.contains(reason), "\(text)")
  }

  /// A layers file may say which weights it is for.
  @Test func otherWeightsThanTheLayersFileNamesAreRefused() throws {
    let layers =
      #""layers":[{"kind":"lstm","prefix":"layers.0"},{"kind":"linear","prefix":"layers.1"}]"#
    let hash = SHA256.text(
      of: SHA256.hash(of: try Fixture.bytes("golden/t_lstm/model.safetensors")))
    #expect(try message(#"{"files":{"w.safetensors":"\#(hash)"},\#(layers)}"#).hasPrefix("loaded"))
    // Files of other kinds are not asked after.
    #expect(try message(#"{"files":{"steps.jsonl":"0"},\#(layers)}"#).hasPrefix("loaded"))
    let other = try message(
      #"{"files":{"w.safetensors":"\#(String(hash.reversed()))"},\#(layers)}"#)
    #expect(other.contains("has the SHA-256 \(hash), which"), "\(other)")
    #expect(other.contains("does not name: other weights, or damaged"), "\(other)")
  }

  @Test func refusesABackwardHalf() throws {
    #expect(throws: ModelFileError.self) {
      try loadModel(
        at: Fixture.path("golden/t_bidirectional/model.safetensors"),
        layers: Fixture.path("golden/t_bidirectional/case.json"))
    }
    let text = try message(
      #"[{"kind":"gru","prefix":"layers.0"}]"#, of: "t_bidirectional")
    #expect(text.contains("has layers.0.bias_hh_l0_reverse: the backward half needs"), "\(text)")
  }

  @Test func withoutLayersItSaysWhereTheyAreExpected() throws {
    let path = Fixture.path("golden/t_lstm/model.safetensors")
    #expect(throws: ModelFileError.self) { try loadModel(at: path) }
    do {
      _ = try loadModel(at: path)
    } catch {
      #expect(
        "\(error)".contains("expected them in \(Fixture.path("golden/t_lstm/model.layers.json"))"))
    }
    let keras = Fixture.path("golden/k_lstm_seq/model.keras")
    #expect(throws: ModelFileError.self) { try loadModel(at: keras, layers: path) }
  }

  @Test func changedBytesGiveAnErrorOrAModel() throws {
    let bytes = try Fixture.bytes("golden/t_conv_norm_gru/model.safetensors")
    var loaded = 0
    for position in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 397)) {
      var changed = bytes
      changed[position] ^= position.isMultiple(of: 2) ? 0xff : 0x01
      do {
        _ = try TorchModelFile(
          content: .memory(changed), path: "file",
          layersPath: Fixture.path("golden/t_conv_norm_gru/case.json")
        ).load()
        loaded += 1
      } catch {
        #expect(!error.description.contains("\n"))
      }
    }
    // A changed weight is a weight: the format has no checksum.
    #expect(loaded > 0 && loaded < 397)
  }
}
