import Foundation
import Recurrence

/// Reads PyTorch's state dicts: a `.safetensors` file, and beside it a layers file that says what the
/// tensors are.
///
/// The layers file is a JSON object with an array `layers` (or that array alone); `Docs/models.md`
/// describes its form. A state dict has weights and no architecture, so that there is no guessing.
struct TorchModelFile {
  let content: FileBytes
  let path: String
  /// Nil looks for `NAME.layers.json` beside `NAME.safetensors`.
  let layersPath: String?
  /// SHA-256 of `content`, for a layers file that says which weights it is for.
  var sha256: [UInt8]?

  private static let layersBytesMax = 16 << 20
  private static let layerCountMax = 10_000

  func load() throws(ModelFileError) -> ReadModel {
    let file: SafetensorsFile
    do {
      file = try SafetensorsFile(content)
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
    let place = layersPath ?? Self.layersPath(beside: path)
    let (entries, hash) = try entries(at: place)
    let weights = TorchWeights(file, path: path)
    var graph = LayerGraph()
    var value = LayerGraph.input
    var width: Int?
    for (index, entry) in entries.enumerated() {
      let options = try TorchOptions(entry, index: index, path: place)
      let reader = TorchLayerReader(options: options, weights: weights, width: width)
      for layer in try reader.layers() {
        value = graph.add(layer, to: value)
        width = layer.outputWidth ?? width
      }
      try options.refuseUnread()
    }
    try weights.refuseUnused()
    let layers = graph.layers(to: value)
    do {
      let name = entries.isEmpty ? "model" : Self.name(of: path)
      return ReadModel(
        model: try Model(layers: layers, input: try input(layers, place), name: name),
        conversions: Conversions.ofTorch(layers), filesBeside: [hash])
    } catch let error as ModelFileError {
      throw error
    } catch let error as ModelError {
      throw .badModel(path: path, error: error)
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
  }

  /// `model.safetensors` -> `model.layers.json`.
  static func layersPath(beside path: String) -> String {
    let ending = ".safetensors"
    return (path.hasSuffix(ending) ? String(path.dropLast(ending.count)) : path) + ".layers.json"
  }

  private static func name(of path: String) -> String {
    let file = path.split(separator: "/").last ?? "model"
    return String(file.prefix { $0 != "." })
  }

  /// The layers, and the SHA-256 of the file.
  private func entries(
    at place: String
  ) throws(ModelFileError) -> (entries: [JSONValue], hash: [UInt8]) {
    let text: [UInt8]
    do {
      text = try FileContent.read(place)
    } catch .missing {
      throw .unreadable(
        path: path,
        reason: "holds weights without layers, expected them in \(place); "
          + "write both with millrace.export_torch.save_torch, or name the file with --layers")
    }
    guard text.count <= Self.layersBytesMax, let json = JSONValue(text: text) else {
      throw .unreadable(path: place, reason: "is not JSON, expected {\"layers\": [...]}")
    }
    guard let entries = json["layers"]?.array ?? json.array, entries.count <= Self.layerCountMax
    else {
      throw .unreadable(path: place, reason: "has no array \"layers\"")
    }
    try checkWeights(json, place)
    return (entries, SHA256.hash(of: text))
  }

  /// A layers file may name the hashes of the weights that it is for: `files`.
  private func checkWeights(_ layers: JSONValue, _ place: String) throws(ModelFileError) {
    let known = (layers["files"]?.object ?? [:]).filter { $0.key.hasSuffix(".safetensors") }
    guard !known.isEmpty, let sha256 else { return }
    let own = SHA256.text(of: sha256)
    guard known.values.contains(where: { $0.string?.lowercased() == own }) else {
      throw .unreadable(
        path: path,
        reason: "has the SHA-256 \(own), which \(place) does not name: other weights, or damaged")
    }
  }

  private func input(_ layers: [Layer], _ place: String) throws(ModelFileError) -> ModelInput {
    if case .embedding(let embedding) = layers.first {
      return .tokens(vocabulary: embedding.vocabulary)
    }
    guard let width = layers.lazy.compactMap(\.inputWidth).first else {
      throw .unreadable(
        path: place, reason: "has no layer with weights, so that the input's width is unknown")
    }
    return .vectors(width: width)
  }
}
