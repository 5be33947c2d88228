import Recurrence

/// Reads Keras' own files: `.keras` (Keras 3: a zip of configuration and HDF5 weights), whole-model
/// `.h5` (Keras 1 to 3), and files of weights alone with the configuration in a file beside them.
struct KerasModelFile {
  let content: FileBytes
  let path: String
  /// Where the configuration of a file of weights is; nil looks for one beside it.
  var layersPath: String?

  /// What a file holds.
  struct Content {
    var read: ReadModel
    /// "Keras 3.15.1 (.keras)".
    var format: String
    var kerasVersion: String
    var vocabulary: ModelVocabulary?
    /// The second half of an encoder and decoder that were trained as one.
    var decoder: Model?

    var model: Model { read.model }
  }

  private static let zipMagic: [UInt8] = [0x50, 0x4b]
  private static let hdf5Magic: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
  private static let configurationBytesMax = 16 << 20

  /// Tells the kind of file by its first bytes, and reads it.
  func load() throws(ModelFileError) -> Content {
    do {
      let start = content.bytes(0..<min(8, content.count)) ?? []
      if start.starts(with: Self.zipMagic) {
        try refuseLayers()
        return try loadZip()
      }
      if start.starts(with: Self.hdf5Magic) { return try loadHDF5() }
    } catch let error as ModelFileError {
      throw error
    } catch {
      // HDF5Error and ZipArchive.Failure say where inside the file.
      throw .unreadable(path: path, reason: "\(error)")
    }
    throw .unreadable(
      path: path,
      reason: "is no model file that is known, expected .keras, .h5, .safetensors or .onnx; "
        + "from Keras save it with model.save(\"NAME.keras\")")
  }

  /// A whole model has its configuration inside.
  private func refuseLayers() throws(ModelFileError) {
    guard layersPath != nil else { return }
    throw .unreadable(path: path, reason: "says itself what its layers are; leave out --layers")
  }

  /// The configuration of a `.keras` file, and the version of Keras that wrote it.
  static func configuration(
    in archive: borrowing ZipArchive, path: String
  ) throws -> (bytes: [UInt8], version: String) {
    let configuration = try archive.entry("config.json", byteCountMax: configurationBytesMax)
    let metadata = try archive.entry("metadata.json", byteCountMax: configurationBytesMax)
    guard let version = JSONValue(text: metadata)?["keras_version"]?.string else {
      throw ModelFileError.unreadable(
        path: path, reason: "its metadata.json has no keras_version; save the model again")
    }
    return (configuration, version)
  }

  private func loadZip() throws -> Content {
    let archive = try ZipArchive(content)
    let (configuration, version) = try Self.configuration(in: archive, path: path)
    let weights = try archive.entry("model.weights.h5", byteCountMax: FileContent.byteCountMax)
    do {
      let built = try HDF5File.withFile(weights) { file in
        try KerasModelBuilder(path: path, version: version)
          .model(
            configuration: configuration,
            asset: { layer, name in
              let entry = "assets/layers/\(layer.weightGroup)/\(name)"
              do {
                return try archive.entry(entry, byteCountMax: Self.configurationBytesMax)
              } catch ZipArchive.Failure.missing {
                return nil
              }
            },
            tensors: { layer in try KerasWeights.keras3(of: layer, in: file, path: path) })
      }
      return Content(
        read: built.read, format: "Keras \(version) (.keras)", kerasVersion: version,
        vocabulary: built.vocabulary, decoder: built.decoder)
    } catch let error as HDF5Error {
      throw ModelFileError.unreadable(path: path, reason: "model.weights.h5 inside \(error)")
    }
  }

  private func loadHDF5() throws -> Content {
    try HDF5File.withFile(try FileContent.bytes(of: content, path)) { file in
      guard let configuration = try file.string("model_config", of: "/") else {
        return try loadWeights(file)
      }
      try refuseLayers()
      // Before 2.0 the version stood with the weights only, or nowhere.
      var version = try file.string("keras_version", of: "/")
      if try version == nil && file.exists("model_weights") {
        version = try file.string("keras_version", of: "model_weights")
      }
      let built = try KerasModelBuilder(path: path, version: version ?? "1")
        .model(configuration: Array(configuration.utf8)) { layer in
          try KerasWeights.legacy(of: layer, in: file)
        }
      return Content(
        read: built.read, format: "Keras \(version ?? "1") (.h5)",
        kerasVersion: version ?? "1", vocabulary: built.vocabulary, decoder: built.decoder)
    }
  }

  /// Weights alone: in groups by the layers' classes (Keras 3), or by their names.
  private func loadWeights(_ file: borrowing HDF5File) throws -> Content {
    let isKeras3 =
      try file.exists("layers") || file.exists("_layer_checkpoint_dependencies")
    let names = isKeras3 ? nil : try file.strings("layer_names", of: "/")
    guard isKeras3 || names != nil else {
      throw ModelFileError.unreadable(
        path: path,
        reason: "holds neither a model's configuration nor its weights; save it with model.save")
    }
    let sidecar = try KerasSidecar.read(for: path, given: layersPath)
    let saved = try file.string("keras_version", of: "/")
    guard let version = saved ?? sidecar.version ?? (isKeras3 ? "3" : nil) else {
      throw ModelFileError.unreadable(
        path: path,
        reason: "does not say which Keras wrote it, nor does \(sidecar.path); "
          + "add \"keras_version\" to that")
    }
    let built = try KerasModelBuilder(path: path, version: version)
      .model(configuration: sidecar.configuration) { layer in
        isKeras3
          ? try KerasWeights.keras3(of: layer, in: file, path: path)
          : try KerasWeights.legacy(of: layer, in: file, root: "")
      }
    var read = built.read
    read.filesBeside = [sidecar.hash]
    return Content(
      read: read, format: "Keras \(version) (weights)", kerasVersion: version,
      vocabulary: built.vocabulary, decoder: built.decoder)
  }
}
