import Recurrence

/// A model with what is known of its file.
package struct LoadedModel: Sendable {
  package let model: Model
  /// SHA-256 of the whole file, 32 bytes.
  package let sha256: [UInt8]
  /// For people: "Keras 3.15.1 (.keras)".
  package let format: String
  /// The version of Keras that wrote the file: "3.15.1"; "1" for the earliest, which do not say.
  ///
  /// Nil for other files.
  package let kerasVersion: String?
  package let path: String
  /// Names of the outputs, where the file brings them.
  package let labels: [String]?
  /// The tokens, where the model knows them itself.
  package let vocabulary: ModelVocabulary?
  /// What goes on from the model's last state, where the file is an encoder and a decoder that were
  /// trained as one.
  package let decoder: Model?

  package init(
    model: Model, sha256: [UInt8], format: String, kerasVersion: String?, path: String,
    labels: [String]? = nil, vocabulary: ModelVocabulary? = nil, decoder: Model? = nil
  ) {
    self.decoder = decoder
    self.model = model
    self.sha256 = sha256
    self.format = format
    self.kerasVersion = kerasVersion
    self.path = path
    self.labels = labels
    self.vocabulary = vocabulary
  }

  /// 64 hexadecimal digits.
  package var sha256Text: String { SHA256.text(of: sha256) }

  /// The same model with its recurrent layers in another number format.
  ///
  /// - Throws: no `ModelError` for a model that was loaded.
  package func with(_ precision: Precision) throws(ModelError) -> LoadedModel {
    if precision == model.precision { return self }
    let other = try Model(
      layers: model.layers, input: model.input, name: model.name, precision: precision)
    return LoadedModel(
      model: other, sha256: sha256, format: format, kerasVersion: kerasVersion, path: path,
      labels: labels, vocabulary: vocabulary,
      decoder: try decoder.map { decoder throws(ModelError) in
        try Model(
          layers: decoder.layers, input: decoder.input, name: decoder.name, precision: precision)
      })
  }
}

/// Reads a model file, whatever its name ends in: its first bytes tell what it is.
///
/// `layers` is the file that says what the layers of a file of weights are; nil looks for one beside
/// it. `weights` is a folder of ONNX tensors for a graph whose weights are inputs. Throws a
/// `ModelFileError`, one line that says what is wrong and what to do.
package func loadModel(
  at path: String, layers: String? = nil, weights: String? = nil
) throws(ModelFileError) -> LoadedModel {
  let opened = try FileContent.open(path)
  if let start = FileBytes.file(opened).bytes(0..<min(9, opened.count)),
    SafetensorsFile.recognizes(start)
  {
    let file: SafetensorsFile
    do {
      file = try SafetensorsFile(.file(opened))
    } catch {
      throw .unreadable(path: path, reason: error.description)
    }
    if let own = MillraceModelFile(file, path: path) { return try own.load() }
  }
  let bytes = try FileContent.read(path)
  if SafetensorsFile.recognizes(bytes) {
    let model = try TorchModelFile(bytes: bytes, path: path, layersPath: layers).load()
    return LoadedModel(
      model: model, sha256: SHA256.hash(of: bytes), format: "PyTorch (.safetensors)",
      kerasVersion: nil, path: path)
  }
  if ONNXModelFile.recognizes(bytes) {
    guard layers == nil else {
      throw .unreadable(
        path: path, reason: "says itself what its layers are; leave out --layers")
    }
    let model = try ONNXModelFile(bytes: bytes, path: path, weightsPath: weights).load()
    return LoadedModel(
      model: model, sha256: SHA256.hash(of: bytes), format: "ONNX", kerasVersion: nil, path: path)
  }
  let content = try KerasModelFile(bytes: bytes, path: path, layersPath: layers).load()
  return LoadedModel(
    model: content.model, sha256: SHA256.hash(of: bytes), format: content.format,
    kerasVersion: content.kerasVersion, path: path, vocabulary: content.vocabulary,
    decoder: content.decoder)
}
