import Foundation
import Recurrence

/// Reads Keras' own files: `.keras` (Keras 3: a zip of configuration and HDF5 weights) and
/// whole-model `.h5` (Keras 1 to 3).
struct KerasModelFile {
  private let bytes: [UInt8]
  private let path: String

  init(_ bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  private static let zipMagic: [UInt8] = [0x50, 0x4b, 0x03, 0x04]
  private static let hdf5Magic: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

  /// - Returns: the model, and what the file is, for people.
  func load() throws(ModelFileError) -> (Model, String) {
    guard !bytes.isEmpty else {
      throw .unreadable(path: path, reason: "is empty; save the model again")
    }
    do {
      if bytes.starts(with: KerasModelFile.zipMagic) { return try loadZip() }
      if bytes.starts(with: KerasModelFile.hdf5Magic) { return try loadHDF5() }
    } catch let error as ModelFileError {
      throw error
    } catch let error as ModelError {
      throw .badModel(path: path, reason: "\(error)")
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
    throw .unreadable(
      path: path,
      reason:
        "is neither a zip nor an HDF5 file, expected model.save(\"NAME.keras\") or \"NAME.h5\"")
  }

  private func loadZip() throws -> (Model, String) {
    let archive = try ZipArchive(bytes)
    let configuration = try archive.entry("config.json")
    let version = try kerasVersion(inMetadata: archive.entry("metadata.json"))
    let weights = try archive.entry("model.weights.h5")
    let model = try HDF5File.withFile(weights) { file in
      try build(configuration, version) { layer in
        try KerasWeights.keras3(of: layer, in: file)
      }
    }
    return (model, "Keras \(version) (.keras)")
  }

  private func loadHDF5() throws -> (Model, String) {
    try HDF5File.withFile(bytes) { file in
      guard let configuration = try file.string("model_config", of: "/") else {
        throw ModelFileError.unreadable(
          path: path,
          reason: "holds weights without the model's configuration; "
            + "save with model.save, not save_weights")
      }
      // Before 2.0 the version stood with the weights only, or nowhere.
      let version =
        try file.string("keras_version", of: "/")
        ?? file.string("keras_version", of: "model_weights") ?? "1"
      let model = try build(Array(configuration.utf8), version) { layer in
        try KerasWeights.legacy(of: layer, in: file)
      }
      return (model, "Keras \(version) (.h5)")
    }
  }

  private func kerasVersion(inMetadata json: [UInt8]) throws -> String {
    let object = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any]
    return object?["keras_version"] as? String ?? "3"
  }

  private func build(
    _ configuration: [UInt8], _ version: String,
    _ tensors: (KerasLayer) throws -> [HDF5File.Tensor]
  ) throws -> sending Model {
    let object: Any
    do {
      object = try JSONSerialization.jsonObject(with: Data(configuration))
    } catch {
      throw ModelFileError.unreadable(path: path, reason: "its configuration is not JSON")
    }
    let graph = try KerasGraph(object, path: path)
    let major = Int(version.prefix { $0.isNumber }) ?? 3
    var layers: [Layer] = []
    for layer in graph.layers {
      let reader = KerasLayerReader(layer: layer, kerasMajor: major, path: path)
      if let built = try reader.layer(tensors: { try tensors(layer) }) { layers.append(built) }
    }
    return try Model(layers: layers, input: try input(of: layers, graph), name: graph.name)
  }

  private func input(of layers: [Layer], _ graph: KerasGraph) throws -> ModelInput {
    if case .embedding(let embedding) = layers.first {
      return .tokens(vocabulary: embedding.vocabulary)
    }
    // The first layer with a width of its own knows; a Masking or Activation before it does not.
    guard let width = layers.lazy.compactMap(\.inputWidth).first ?? graph.inputWidth else {
      throw ModelFileError.badModel(path: path, reason: "does not say how wide its input is")
    }
    return .vectors(width: width)
  }
}
