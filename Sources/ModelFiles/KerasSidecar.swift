/// The configuration of a model whose file holds its weights alone.
///
/// It is the text of Keras' `model.to_json()`, or a `.keras` file of the same model, of which only the
/// configuration is read. Beside `NAME.weights.h5` or `NAME.h5` it is looked for as
/// `NAME.layers.json`, `NAME.json` and `NAME.keras`, in this order.
struct KerasSidecar {
  let path: String
  let configuration: [UInt8]
  /// The version of Keras that wrote it, where it says so.
  let version: String?
  /// SHA-256 of the whole file.
  let hash: [UInt8]

  /// Reads the file at `given`, or the first that is beside the weights.
  static func read(for weights: String, given: String?) throws(ModelFileError) -> KerasSidecar {
    let places = given.map { [$0] } ?? places(beside: weights)
    for place in places {
      let bytes: [UInt8]
      do {
        bytes = try FileContent.read(place)
      } catch {
        if case .missing = error, given == nil { continue }
        throw error
      }
      return try sidecar(bytes, place)
    }
    throw .unreadable(
      path: weights,
      reason: "holds weights without the model's configuration, expected it in \(places[0]) "
        + "(model.to_json()); or save with model.save, not save_weights")
  }

  private static func sidecar(
    _ bytes: [UInt8], _ path: String
  ) throws(ModelFileError) -> KerasSidecar {
    guard bytes.starts(with: [0x50, 0x4b]) else {
      return KerasSidecar(
        path: path, configuration: bytes,
        version: JSONValue(text: bytes)?["keras_version"]?.string,
        hash: SHA256.hash(of: bytes))
    }
    do {
      let content = try KerasModelFile.configuration(in: ZipArchive(.memory(bytes)), path: path)
      return KerasSidecar(
        path: path, configuration: content.bytes, version: content.version,
        hash: SHA256.hash(of: bytes))
    } catch let error as ModelFileError {
      throw error
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
  }

  private static func places(beside weights: String) -> [String] {
    var stem = weights
    for ending in [".weights.h5", ".h5", ".hdf5"] where stem.hasSuffix(ending) {
      stem = String(stem.dropLast(ending.count))
      break
    }
    return [stem + ".layers.json", stem + ".json", stem + ".keras"]
  }
}
