import Foundation
import Recurrence

extension MillraceModelFile {
  /// The `.millrace` file of a model that was loaded in full from any other.
  ///
  /// - Parameters:
  ///   - loaded: in f32.
  ///   - labels: names of the outputs; nil for none.
  /// - Returns: the whole file.
  /// - Throws: an `EncodingError` for an option that is not finite.
  package static func content(
    of loaded: LoadedModel, labels: [String]?
  ) throws -> MillraceModelContent {
    try content(of: loaded, labels: labels, answers: loaded.model)
  }

  /// As above; `answers` is the model whose answers the probe records.
  ///
  /// The hash of the data takes a quarter of a second for 100 MB: `hashesData` is false for a file
  /// that is not kept.
  static func content(
    of loaded: LoadedModel, labels: [String]?, answers probed: Model, hashesData: Bool = true
  ) throws -> MillraceModelContent {
    let (part, weights) = try encode(loaded.model, answers: probed, under: "")
    let decoder = try loaded.decoder.map { try encode($0, answers: $0, under: decoderPrefix) }
    let tensors = weights + (decoder?.tensors ?? [])
    var record = ModelRecord(
      version: 0, name: part.name, input: part.input, layers: part.layers,
      vocabulary: loaded.vocabulary, decoder: decoder?.part,
      source: ModelRecord.Source(
        format: loaded.format, sha256: loaded.sha256Text, kerasVersion: loaded.kerasVersion,
        conversions: loaded.conversions))
    record.version = record.lowestVersion

    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var metadata = [
      "format": format,
      "model": String(decoding: try encoder.encode(record), as: UTF8.self),
    ]
    if hashesData { metadata["data_sha256"] = SHA256.text(of: SHA256.hash(of: tensors)) }
    metadata["labels"] = labels?.joined(separator: "\n")
    var checksums = Dictionary(
      tensors.map { ($0.name, CheckedBlocks.text(of: $0)) }, uniquingKeysWith: { $1 })
    checksums[""] = Checksum.text(of: checked(metadata))
    metadata["checksums"] = String(decoding: try encoder.encode(checksums), as: UTF8.self)
    return MillraceModelContent(
      header: try header(tensors, metadata, encoder), tensors: tensors)
  }

  /// One model's layers, and its weights and probe by their names in the file.
  private static func encode(
    _ model: Model, answers probed: Model, under prefix: String
  ) throws -> (part: ModelRecord.Part, tensors: [Tensor]) {
    var part = ModelRecord.Part(name: model.name, input: model.input, layers: [])
    var tensors: [Tensor] = []
    for (index, layer) in model.layers.enumerated() {
      let (entry, weights) = LayerRecord.encode(layer)
      part.layers.append(entry)
      tensors += weights.map {
        Tensor(name: "\(prefix)\(index)/\($0.name)", shape: $0.shape, values: $0.values)
      }
    }
    let inputs = probeInputs(for: model)
    let outputs = answers(of: probed, to: inputs) ?? []
    tensors += [("inputs", inputs), ("outputs", outputs)].map { name, values in
      Tensor(name: "\(prefix)probe/\(name)", shape: [values.count], values: values)
    }
    return (part, tensors)
  }

  /// One entry of the header.
  private struct Entry: Encodable {
    var dtype = "F32"
    var shape: [Int]
    var data_offsets: [Int]
  }

  /// The length and the JSON of the header, padded so that the data begin at a multiple of 64.
  private static func header(
    _ tensors: [Tensor], _ metadata: [String: String], _ encoder: JSONEncoder
  ) throws -> [UInt8] {
    var members = [
      "\"__metadata__\":\(String(decoding: try encoder.encode(metadata), as: UTF8.self))"
    ]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.values.count * 4
      let entry = try encoder.encode(Entry(shape: tensor.shape, data_offsets: [offset, end]))
      members.append("\"\(tensor.name)\":\(String(decoding: entry, as: UTF8.self))")
      offset = end
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    while (text.count + 8) % 64 != 0 { text.append(UInt8(ascii: " ")) }
    let length = UInt64(text.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + text
  }
}
