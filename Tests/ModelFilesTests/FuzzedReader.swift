import Foundation
import Recurrence

@testable import ModelFiles

/// The readers as a fuzzer drives them: bytes in, and nothing but a model or a refusal may come out.
///
/// The tests replay the inputs that are kept in Fixtures/fuzz; `make fuzz` looks for more.
enum FuzzedReader: String, CaseIterable {
  /// A `.keras` file.
  case keras
  case hdf5
  case safetensors
  /// What the layers of a state dict are; its weights are always the same ones.
  case layers
  case onnx
  /// A `.millrace` file, whose checksums are put right first.
  case millrace
  case json

  /// Reads `bytes`, and steps what became a model.
  ///
  /// - Returns: a line that says what became of them.
  func read(_ bytes: [UInt8]) -> String {
    do {
      guard let model = try model(bytes) else { return "no model" }
      return Self.run(model)
    } catch {
      let text = "\(error)"
      precondition(!text.contains("\n"), "not one line: \(text)")
      return text
    }
  }

  private static func run(_ model: Model) -> String {
    guard model.parameterCount <= 1 << 20, model.stateLayout.portableCount <= 1 << 20 else {
      return "a large model"
    }
    if case .oneToMany(let count) = model.shape, count > 64 { return "a long answer" }
    let answers = MillraceModelFile.answers(
      of: model, to: MillraceModelFile.probeInputs(for: model))
    return "a model of \(answers?.count ?? 0) answers"
  }

  private func model(_ bytes: [UInt8]) throws -> Model? {
    switch self {
    case .keras, .hdf5:
      return try KerasModelFile(content: .memory(bytes), path: "file").load().model
    case .onnx:
      return try ONNXModelFile(content: .memory(bytes), path: "file", weightsPath: "/nowhere")
        .load().model
    case .safetensors:
      do {
        let file = try SafetensorsFile(bytes)
        for name in file.names { _ = try file.tensor(name) }
      } catch {
        // As the readers of models that hold one say it.
        throw ModelFileError.unreadable(path: "file", reason: "\(error)")
      }
      return nil
    case .layers: return try Self.torch(layers: bytes)
    case .millrace: return try Self.millrace(bytes)
    case .json: return JSONValue(text: bytes) == nil ? nil : nil
    }
  }

  // MARK: With files beside

  /// A file that goes away when it is closed.
  private static func withPath<Result>(
    _ bytes: [UInt8], _ body: (String) throws -> Result
  ) throws -> Result {
    var template = Array("/tmp/fuzz.XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    precondition(descriptor >= 0 && unlink(template) == 0)
    defer { close(descriptor) }
    precondition(write(descriptor, bytes, bytes.count) == bytes.count)
    return try body("/proc/self/fd/\(descriptor)")
  }

  /// The weights of an Embedding, an LSTM, a GRU, a convolution, norms and a Linear, all of eight.
  private static let weights: [UInt8] = {
    let shapes: [(String, [Int])] = [
      ("e.weight", [8, 8]), ("l.weight_ih_l0", [32, 8]), ("l.weight_hh_l0", [32, 8]),
      ("l.bias_ih_l0", [32]), ("l.bias_hh_l0", [32]), ("g.weight_ih_l0", [24, 8]),
      ("g.weight_hh_l0", [24, 8]), ("g.bias_ih_l0", [24]), ("g.bias_hh_l0", [24]),
      ("c.weight", [8, 8, 2]), ("c.bias", [8]), ("n.weight", [8]), ("n.bias", [8]),
      ("n.running_mean", [8]), ("n.running_var", [8]), ("d.weight", [8, 8]), ("d.bias", [8]),
    ]
    var header = "{"
    var offset = 0
    for (name, shape) in shapes {
      let end = offset + shape.reduce(4, *)
      header += header == "{" ? "" : ","
      header += #""\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":[\#(offset),\#(end)]}"#
      offset = end
    }
    let values = (0..<offset / 4).map { Float($0 % 7 + 1) / 8 }
    return SafetensorsText(header: header + "}", data: values.withUnsafeBytes { Array($0) }).bytes
  }()

  private static func torch(layers: [UInt8]) throws -> Model {
    try withPath(layers) { path in
      try TorchModelFile(content: .memory(weights), path: "file", layersPath: path).load().model
    }
  }

  private static func millrace(_ bytes: [UInt8]) throws -> Model? {
    let file = try SafetensorsFile(bytes)
    guard var header = try JSONSerialization.jsonObject(with: Data(file.header)) as? [String: Any],
      var metadata = header["__metadata__"] as? [String: String]
    else { return nil }
    var checksums: [String: String] = [:]
    for name in file.names {
      guard let tensor = try file.tensor(name) else { continue }
      checksums[name] = CheckedBlocks.text(of: tensor)
    }
    checksums[""] = Checksum.text(of: MillraceModelFile.checked(metadata))
    metadata["checksums"] = String(
      decoding: try JSONSerialization.data(withJSONObject: checksums), as: UTF8.self)
    header["__metadata__"] = metadata
    let text = try JSONSerialization.data(withJSONObject: header)
    let whole = SafetensorsText(
      header: String(decoding: text, as: UTF8.self), data: Array(bytes[file.dataOffset...]))
    let repaired = try SafetensorsFile(whole.bytes)
    return try MillraceModelFile(repaired, path: "file", forSteppingOnly: true)?.load().model
  }
}
