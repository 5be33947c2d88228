import Foundation
import Testing

@testable import ModelFiles

/// What is known of a model beside its numbers.
struct LoadedModelTests {
  @Test(arguments: [
    (
      "golden/k_lstm_hard_sigmoid/model.keras",
      "hard_sigmoid is that of Keras 3, relu6(x + 3) / 6"
    ),
    (
      "model-files/keras2-hard-sigmoid/model.h5",
      "hard_sigmoid is that of Keras 1 and 2, clip(0.2x + 0.5, 0, 1)"
    ),
    ("keras-layers/weights-cudnn/model.h5", "weights in CuDNN's layout are turned"),
    ("exporters/lstm/torch.safetensors", "its two biases are added"),
    ("exporters/gru/torch.safetensors", "gates r z n are kept as z r h"),
    ("exporters/gru/tf2onnx.onnx", "a loop over the steps is a GRU"),
    ("exporters/lstm/torch-script.onnx", "gates i o f c are kept as i f c o"),
  ]) func saysWhatWasConverted(file: String, words: String) throws {
    let loaded = try loadModel(at: Fixture.path(file))
    let summary = ModelSummary(loaded)
    #expect(summary.conversions.contains { $0.hasSuffix(words) || $0.contains(words) })
    #expect(summary.text.contains(words))
    // It is still known of the file that it was converted to.
    let scratch = try ScratchFile(try MillraceModelFile.content(of: loaded, labels: nil).bytes)
    #expect(try loadModel(at: scratch.path).conversions == loaded.conversions)
  }

  @Test func saysThatNothingWasConverted() throws {
    let loaded = try loadModel(at: Fixture.path("exporters/lstm/keras.keras"))
    #expect(loaded.conversions == [])
    #expect(ModelSummary(loaded).text.contains("converted   nothing"))
  }

  /// Other layers make another model of the same weights.
  @Test(arguments: ["torch.safetensors", "keras.weights.h5"])
  func theHashCoversTheLayersFile(file: String) throws {
    let path = Fixture.path("exporters/lstm/\(file)")
    let layersPath = Fixture.path(
      "exporters/lstm/\(file.hasPrefix("torch") ? "torch" : "keras").layers.json")
    let loaded = try loadModel(at: path)
    let parts = try [path, layersPath].flatMap {
      SHA256.hash(of: [UInt8](try Data(contentsOf: URL(filePath: $0))))
    }
    #expect(loaded.sha256 == SHA256.hash(of: parts))
    let other = try ScratchFile(
      [UInt8](try Data(contentsOf: URL(filePath: layersPath))) + [UInt8(ascii: "\n")],
      suffix: ".json")
    #expect(try loadModel(at: path, layers: other.path).sha256 != loaded.sha256)
  }
}
