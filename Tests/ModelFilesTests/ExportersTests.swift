import Recurrence
import Testing

@testable import ModelFiles

/// One network through every exporter: the same numbers, and, since the weights and the order of
/// additions are the same, the same bits.
struct ExportersTests {
  private static let files = [
    "keras.keras", "keras.h5", "keras.weights.h5", "keras-export.onnx", "tf2onnx.onnx",
    "torch-script.onnx", "torch-dynamo.onnx", "torch.safetensors",
  ]

  @Test(arguments: ["lstm", "gru"]) func givesTheSameNumbers(network: String) throws {
    let reference = try ReferenceSteps("exporters/\(network)")
    var first: [[UInt32]]?
    for file in Self.files {
      let model = try loadModel(at: Fixture.path("exporters/\(network)/\(file)")).model
      let rows = reference.answers(of: model)
      if let difference = reference.difference(from: rows) {
        Issue.record("\(network)/\(file): \(difference)")
      }
      let bits = rows.map { $0.map(\.bitPattern) }
      if let first { #expect(bits == first, "\(network)/\(file)") } else { first = bits }
    }
  }
}
