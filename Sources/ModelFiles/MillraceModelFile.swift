import Foundation
import Recurrence

/// Millrace's own model file: safetensors with the architecture, where it came from, and probes.
///
/// Metadata: `format` is `millrace`; `model` a `ModelRecord` in JSON; `labels` one a line, where
/// they were given; `data_sha256` the hash of the tensors' bytes; `checksums` the XXH3 of the blocks
/// of each tensor, and under the empty name that of the metadata, so that damage is noticed without
/// the slower hash. Tensors:
/// `INDEX/NAME` for the weights of a layer; `probe/inputs` and `probe/outputs`, whose bits the
/// loaded model must give again. Of a decoder the same behind `decoder/`.
package struct MillraceModelFile {
  static let format = "millrace"
  /// Before the names of a decoder's tensors.
  static let decoderPrefix = "decoder/"
  /// Steps of a probe: many for a small model, few for a large one, whose probe must not take long.
  private static let probeSteps = 2...16
  private static let probeProducts = 16_000_000
  /// A probe of more is no probe.
  private static let probeStepsMax = 1024

  private let file: SafetensorsFile
  private let path: String
  private let checksums: [String: String]
  /// Whether weights that the kernels pack may stay in the file.
  private let forSteppingOnly: Bool

  /// Nil if the metadata say that it is another kind of file.
  init?(_ file: SafetensorsFile, path: String, forSteppingOnly: Bool) {
    guard file.metadata["format"] == Self.format else { return nil }
    self.file = file
    self.path = path
    self.forSteppingOnly = forSteppingOnly
    let text = file.metadata["checksums"] ?? ""
    checksums = (JSONValue(text: Array(text.utf8))?.object ?? [:]).compactMapValues(\.string)
  }

  /// What the checksum of the metadata is made of.
  static func checked(_ metadata: [String: String]) -> [String] {
    ["format", "model", "labels", "data_sha256"].map { metadata[$0] ?? "" }
  }

  // MARK: Reading

  /// Puts the model together and runs its probes.
  func load() throws(ModelFileError) -> LoadedModel {
    guard Checksum.text(of: Self.checked(file.metadata)) == checksums[""] else {
      throw .unreadable(path: path, reason: "its metadata are damaged; convert the model again")
    }
    let record = try modelRecord()
    let (model, probe) = try model(
      ModelRecord.Part(name: record.name, input: record.input, layers: record.layers), under: "")
    let decoder = try record.decoder.map { part throws(ModelFileError) in
      try self.model(part, under: Self.decoderPrefix)
    }
    // The header holds the hash of the data: its own hash stands for the whole file.
    return LoadedModel(
      model: model, sha256: SHA256.hash(of: file.header),
      format: "Millrace, from \(record.source.format)", kerasVersion: record.source.kerasVersion,
      path: path,
      labels: file.metadata["labels"].map {
        $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      }, vocabulary: record.vocabulary, conversions: record.source.conversions ?? [],
      decoder: decoder?.model, probe: probe, decoderProbe: decoder?.probe)
  }

  /// One model of the file, its probe run; the names of its tensors begin with `prefix`.
  private func model(
    _ part: ModelRecord.Part, under prefix: String
  ) throws(ModelFileError) -> (model: Model, probe: ModelProbe) {
    var layers: [Layer] = []
    for (index, entry) in part.layers.enumerated() {
      layers.append(try layer(entry, "\(prefix)\(index)/"))
    }
    let model: Model
    do {
      model = try Model(layers: layers, input: part.input, name: part.name)
    } catch {
      throw .badModel(path: path, error: error)
    }
    return (model, try checkProbe(of: model, under: prefix))
  }

  /// As `load`, under the name of the file that it was made from a moment ago.
  func loadAsSource() throws(ModelFileError) -> LoadedModel {
    let loaded = try load()
    let source = try modelRecord().source
    let hash = SHA256.bytes(of: source.sha256)
    guard hash.count == 32 else {
      throw .unreadable(path: path, reason: "its reader gave no hash of it")
    }
    return LoadedModel(
      model: loaded.model, sha256: hash, format: source.format,
      kerasVersion: source.kerasVersion, path: path, labels: loaded.labels,
      vocabulary: loaded.vocabulary, conversions: loaded.conversions, decoder: loaded.decoder)
  }

  private func modelRecord() throws(ModelFileError) -> ModelRecord {
    guard let text = file.metadata["model"] else {
      throw .unreadable(path: path, reason: "says no model; convert it again")
    }
    let record: ModelRecord
    do {
      record = try JSONDecoder().decode(ModelRecord.self, from: Data(text.utf8))
    } catch {
      throw .unreadable(path: path, reason: "its model is not what this version reads: \(error)")
    }
    let versions = ModelRecord.versions
    guard versions.contains(record.version), record.version == record.lowestVersion else {
      throw .unreadable(
        path: path,
        reason:
          "is of version \(record.version), expected \(versions.lowerBound) or \(versions.upperBound); "
          + "convert the model again")
    }
    return record
  }

  private func layer(_ record: LayerRecord, _ prefix: String) throws(ModelFileError) -> Layer {
    let place = "'\(record.name)' (\(record.kind))"
    do {
      return try record.layer(
        tensor: { try optionalTensor(prefix + $0) },
        packed: { try packedMatrix(prefix + $0) })
    } catch let error as ModelFileError {
      throw error
    } catch let fault as LayerRecord.Fault {
      throw .unsupported(path: path, layer: place, option: nil, reason: fault.reason)
    } catch {
      throw .unsupported(path: path, layer: place, option: nil, reason: "\(error)")
    }
  }

  private func checkProbe(
    of model: Model, under prefix: String
  ) throws(ModelFileError) -> ModelProbe {
    let probe = ModelProbe(
      inputs: try tensor(prefix + "probe/inputs").values,
      expected: try tensor(prefix + "probe/outputs").values)
    guard let outputs = probe.answers(of: model) else {
      throw .unreadable(path: path, reason: "its probe does not fit the model")
    }
    for (index, pair) in zip(outputs, probe.expected).enumerated()
    where pair.0.bitPattern != pair.1.bitPattern {
      throw .unreadable(
        path: path,
        reason: "its probe gives \(pair.0) at value \(index), expected \(pair.1); "
          + "the weights are not those that were converted")
    }
    guard outputs.count == probe.expected.count else {
      throw .unreadable(
        path: path,
        reason: "its probe gives \(outputs.count) values, expected \(probe.expected.count)")
    }
    return probe
  }

  private func tensor(_ name: String) throws(ModelFileError) -> Tensor {
    guard let tensor = try optionalTensor(name) else {
      throw .missingTensor(path: path, tensor: name)
    }
    return tensor
  }

  private func optionalTensor(_ name: String) throws(ModelFileError) -> Tensor? {
    guard let blocks = try blocks(name) else { return nil }
    do {
      return Tensor(name: name, shape: blocks.shape, values: try blocks.values())
    } catch {
      throw .unreadable(path: path, reason: "tensor \(name) \(error.reason)")
    }
  }

  /// A matrix that the kernels pack: read block by block then, where nobody else needs it.
  private func packedMatrix(_ name: String) throws(ModelFileError) -> Matrix? {
    guard forSteppingOnly, let blocks = try blocks(name), blocks.shape.count == 2 else {
      guard let tensor = try optionalTensor(name), tensor.shape.count == 2 else { return nil }
      return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values)
    }
    return Matrix(rows: blocks.shape[0], columns: blocks.shape[1], source: blocks)
  }

  private func blocks(_ name: String) throws(ModelFileError) -> CheckedBlocks? {
    let isThere = file.shape(of: name) != nil
    guard let sums = checksums[name], isThere,
      let blocks = CheckedBlocks(file, tensor: name, sums: sums)
    else {
      if !isThere && checksums[name] == nil { return nil }
      throw .unreadable(
        path: path, reason: "tensor \(name) is damaged; convert the model again")
    }
    return blocks
  }

  // MARK: Probes

  /// Inputs for a probe, the same in every run: token ids, or the vectors one after the other.
  static func probeInputs(for model: Model) -> [Float] {
    let steps = min(
      max(probeProducts / max(1, model.parameterCount), probeSteps.lowerBound),
      probeSteps.upperBound)
    var random = SplitMix64(seed: 2)
    switch model.input {
    case .tokens(let count):
      // Ids that a float holds exactly.
      let ids = UInt64(min(count, 1 << 24))
      return (0..<steps).map { _ in Float(random.next() % ids) }
    case .vectors(let width):
      return (0..<steps * width).map { _ in Float(random.unit() * 2 - 1) }
    }
  }

  /// What the model answers, one value after the other; nil if the inputs do not fit it.
  static func answers(of model: Model, to inputs: [Float]) -> [Float]? {
    let width =
      switch model.input {
      case .tokens: 1
      case .vectors(let count): count
      }
    guard inputs.count.isMultiple(of: width), !inputs.isEmpty,
      inputs.count / width <= probeStepsMax, inputs.allSatisfy(\.isFinite)
    else { return nil }
    // All steps in one call: the weights of the inputs are read once for them.
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: inputs.count / width)
    for start in stride(from: 0, to: inputs.count, by: width) {
      switch model.input {
      case .tokens(let count):
        guard inputs[start] >= 0, inputs[start] < Float(count) else { return nil }
        batch.append(state, token: Int32(inputs[start]))
      case .vectors:
        inputs[start..<start + width].withUnsafeBufferPointer { batch.append(state, vector: $0) }
      }
    }
    model.step(&batch)
    var values: [Float] = []
    if case .oneToMany = model.shape {
      values = model.decode(state).values
    } else {
      for index in 0..<batch.count { values += batch.output(index) }
    }
    // A model that has no answer yet gives none of the numbers: a file can hold numbers only.
    return values.map { $0.isNaN ? 0 : $0 }
  }
}
