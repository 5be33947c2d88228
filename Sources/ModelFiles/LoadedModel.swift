import Recurrence

/// A model with what is known of its file.
package struct LoadedModel: Sendable {
  package let model: Model
  /// SHA-256 of the whole file, 32 bytes; where other files are part of the model, of all their
  /// hashes (`SHA256.hash(of:beside:)`).
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
  /// What was taken otherwise than it stands in the file, in words.
  package let conversions: [String]
  /// What goes on from the model's last state, where the file is an encoder and a decoder that were
  /// trained as one.
  package let decoder: Model?
  /// Answers from when it was converted, in f32; only a `.millrace` file brings them.
  package let probe: ModelProbe?
  /// The same of the decoder.
  package let decoderProbe: ModelProbe?

  package init(
    model: Model, sha256: [UInt8], format: String, kerasVersion: String?, path: String,
    labels: [String]? = nil, vocabulary: ModelVocabulary? = nil, conversions: [String] = [],
    decoder: Model? = nil, probe: ModelProbe? = nil, decoderProbe: ModelProbe? = nil
  ) {
    self.decoder = decoder
    self.probe = probe
    self.decoderProbe = decoderProbe
    self.model = model
    self.sha256 = sha256
    self.format = format
    self.kerasVersion = kerasVersion
    self.path = path
    self.labels = labels
    self.vocabulary = vocabulary
    self.conversions = conversions
  }

  /// The decoder as a model of the same file; nil where there is none.
  package var decoderAlone: LoadedModel? {
    decoder.map {
      LoadedModel(
        model: $0, sha256: sha256, format: format, kerasVersion: kerasVersion, path: path)
    }
  }

  /// 64 hexadecimal digits.
  package var sha256Text: String { SHA256.text(of: sha256) }

  /// The same model with its recurrent layers in another number format.
  ///
  /// - Throws: a `ModelError` when weights that stayed in the file cannot be read any more.
  package func with(_ precision: Precision) throws(ModelError) -> LoadedModel {
    if precision == model.precision { return self }
    let other = try Model(
      layers: model.layers, input: model.input, name: model.name, precision: precision)
    return LoadedModel(
      model: other, sha256: sha256, format: format, kerasVersion: kerasVersion, path: path,
      labels: labels, vocabulary: vocabulary, conversions: conversions,
      decoder: try decoder.map { decoder throws(ModelError) in
        try Model(
          layers: decoder.layers, input: decoder.input, name: decoder.name, precision: precision)
      })
  }
}

/// Reads a model file, whatever its name ends in: its first bytes tell what it is.
///
/// `layers` is the file that says what the layers of a file of weights are; nil looks for one beside
/// it. `weights` is a folder of ONNX tensors for a graph whose weights are inputs. A model that is
/// loaded for stepping only need not keep its weights beside what the kernels make of them: it cannot
/// be stepped plainly, nor written. Throws a `ModelFileError`, one line that says what is wrong and
/// what to do.
package func loadModel(
  at path: String, layers: String? = nil, weights: String? = nil, forSteppingOnly: Bool = false
) throws(ModelFileError) -> LoadedModel {
  if let own = try ownModelFile(at: path, forSteppingOnly: forSteppingOnly) {
    return try own.load()
  }
  if let executable = ReaderProcess.executable {
    return try ReaderProcess.load(
      executable, at: path, layers: layers, weights: weights, forSteppingOnly: forSteppingOnly)
  }
  return try loadModelHere(at: path, layers: layers, weights: weights)
}

/// Nil if it is another kind of file.
private func ownModelFile(
  at path: String, forSteppingOnly: Bool
) throws(ModelFileError) -> MillraceModelFile? {
  let opened = try FileContent.open(path)
  guard let start = FileBytes.file(opened).bytes(0..<min(9, opened.count)),
    SafetensorsFile.recognizes(start)
  else { return nil }
  do {
    let file = try SafetensorsFile(.file(opened))
    return MillraceModelFile(file, path: path, forSteppingOnly: forSteppingOnly)
  } catch {
    throw .unreadable(path: path, reason: error.description)
  }
}

/// As `loadModel`, in this process and of other files than our own.
func loadModelHere(
  at path: String, layers: String?, weights: String?
) throws(ModelFileError) -> LoadedModel {
  let file = try FileContent.open(path)
  guard let hash = SHA256.hash(of: file),
    let start = FileBytes.file(file).bytes(0..<min(9, file.count))
  else { throw FileContent.changed(path) }
  func loaded(
    _ read: ReadModel, _ format: String, kerasVersion: String? = nil,
    vocabulary: ModelVocabulary? = nil, decoder: Model? = nil
  ) throws(ModelFileError) -> LoadedModel {
    // What is hashed is what is loaded.
    guard file.isUnchanged else { throw FileContent.changed(path) }
    return LoadedModel(
      model: read.model, sha256: SHA256.hash(hash, beside: read.filesBeside),
      format: format, kerasVersion: kerasVersion, path: path, vocabulary: vocabulary,
      conversions: read.conversions, decoder: decoder)
  }
  if SafetensorsFile.recognizes(start) {
    let read = try TorchModelFile(
      content: .file(file), path: path, layersPath: layers, sha256: hash
    ).load()
    return try loaded(read, "PyTorch (.safetensors)")
  }
  if ONNXModelFile.recognizes(start) {
    guard layers == nil else {
      throw .unreadable(
        path: path, reason: "says itself what its layers are; leave out --layers")
    }
    return try loaded(
      try ONNXModelFile(content: .file(file), path: path, weightsPath: weights).load(), "ONNX")
  }
  let content = try KerasModelFile(content: .file(file), path: path, layersPath: layers).load()
  return try loaded(
    content.read, content.format, kerasVersion: content.kerasVersion,
    vocabulary: content.vocabulary, decoder: content.decoder)
}
