import Foundation
import Recurrence

/// Millrace's own model file: safetensors with the architecture, where it came from, and probes.
///
/// Metadata: `format` is `millrace`; `model` a `ModelRecord` in JSON; `labels` one a line, where
/// they were given; `data_sha256` the hash of the tensors' bytes; `checksums` the XXH3 of each
/// tensor, and under the empty name that of the metadata, so that damage is noticed without the
/// slower hash. Tensors:
/// `INDEX/NAME` for the weights of a layer; `probe/inputs` and `probe/outputs`, whose bits the
/// loaded model must give again.
package struct MillraceModelFile {
  static let format = "millrace"
  /// Steps of the probe.
  static let probeSteps = 16

  private let file: SafetensorsFile
  private let path: String
  private let checksums: [String: String]

  /// Nil if the metadata say that it is another kind of file.
  init?(_ file: SafetensorsFile, path: String) {
    guard file.metadata["format"] == Self.format else { return nil }
    self.file = file
    self.path = path
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
    var layers: [Layer] = []
    for (index, entry) in record.layers.enumerated() {
      layers.append(try layer(entry, index))
    }
    let model: Model
    do {
      model = try Model(layers: layers, input: record.input, name: record.name)
    } catch {
      throw .badModel(path: path, error: error)
    }
    try checkProbes(of: model)
    // The header holds the hash of the data: its own hash stands for the whole file.
    return LoadedModel(
      model: model, sha256: SHA256.hash(of: file.header),
      format: "Millrace, from \(record.source.format)", kerasVersion: record.source.kerasVersion,
      path: path,
      labels: file.metadata["labels"].map {
        $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      }, vocabulary: record.vocabulary)
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
    guard record.version <= ModelRecord.version else {
      throw .unreadable(
        path: path,
        reason: "is of version \(record.version), expected at most \(ModelRecord.version)")
    }
    return record
  }

  private func layer(_ record: LayerRecord, _ index: Int) throws(ModelFileError) -> Layer {
    let place = "'\(record.name)' (\(record.kind))"
    do {
      return try record.layer { try optionalTensor("\(index)/\($0)") }
    } catch let error as ModelFileError {
      throw error
    } catch let fault as LayerRecord.Fault {
      throw .unsupported(path: path, layer: place, option: nil, reason: fault.reason)
    } catch {
      throw .unsupported(path: path, layer: place, option: nil, reason: "\(error)")
    }
  }

  private func checkProbes(of model: Model) throws(ModelFileError) {
    let inputs = try tensor("probe/inputs")
    let expected = try tensor("probe/outputs")
    guard let outputs = Self.answers(of: model, to: inputs.values) else {
      throw .unreadable(path: path, reason: "its probe does not fit the model")
    }
    for (index, pair) in zip(outputs, expected.values).enumerated()
    where pair.0.bitPattern != pair.1.bitPattern {
      throw .unreadable(
        path: path,
        reason: "its probe gives \(pair.0) at value \(index), expected \(pair.1); "
          + "the weights are not those that were converted")
    }
    guard outputs.count == expected.values.count else {
      throw .unreadable(
        path: path,
        reason: "its probe gives \(outputs.count) values, expected \(expected.values.count)")
    }
  }

  private func tensor(_ name: String) throws(ModelFileError) -> Tensor {
    guard let tensor = try optionalTensor(name) else {
      throw .missingTensor(path: path, tensor: name)
    }
    return tensor
  }

  private func optionalTensor(_ name: String) throws(ModelFileError) -> Tensor? {
    let tensor: Tensor?
    do {
      tensor = try file.tensor(name)
    } catch {
      throw .unreadable(path: path, reason: error.description)
    }
    guard Checksum.text(of: tensor?.values ?? []) == checksums[name] || tensor == nil,
      tensor != nil || checksums[name] == nil
    else {
      throw .unreadable(
        path: path, reason: "tensor \(name) is damaged; convert the model again")
    }
    return tensor
  }

  // MARK: Probes

  /// Inputs for a probe, the same in every run: token ids, or the vectors one after the other.
  static func probeInputs(for model: Model) -> [Float] {
    var random = SplitMix64(seed: 2)
    switch model.input {
    case .tokens(let count):
      return (0..<probeSteps).map { _ in Float(random.next() % UInt64(count)) }
    case .vectors(let width):
      return (0..<probeSteps * width).map { _ in Float(random.unit() * 2 - 1) }
    }
  }

  /// What the model answers, one value after the other; nil if the inputs do not fit it.
  static func answers(of model: Model, to inputs: [Float]) -> [Float]? {
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: 1)
    var values: [Float] = []
    let width: Int
    switch model.input {
    case .tokens: width = 1
    case .vectors(let count): width = count
    }
    guard inputs.count == probeSteps * width else { return nil }
    for start in stride(from: 0, to: inputs.count, by: width) {
      batch.removeAll()
      switch model.input {
      case .tokens(let count):
        guard inputs[start] >= 0, inputs[start] < Float(count) else { return nil }
        batch.append(state, token: Int32(inputs[start]))
      case .vectors:
        inputs[start..<start + width].withUnsafeBufferPointer { batch.append(state, vector: $0) }
      }
      model.step(&batch)
      values += batch.output(0)
    }
    if case .oneToMany = model.shape { values = model.decode(state).values }
    // A model that has no answer yet gives none of the numbers: a file can hold numbers only.
    return values.map { $0.isNaN ? 0 : $0 }
  }
}
