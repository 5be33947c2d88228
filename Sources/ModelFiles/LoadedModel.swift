import CSodium
import Foundation
import Recurrence

/// A model with what is known of its file.
package struct LoadedModel: Sendable {
  package let model: Model
  /// SHA-256 of the whole file, 32 bytes.
  package let sha256: [UInt8]
  /// For people: "Keras 3.15.1 (.keras)".
  package let format: String
  package let path: String
}

/// Reads a model file, whatever its name ends in: its first bytes tell what it is.
///
/// - Throws: a `ModelFileError`.
package func loadModel(at path: String) throws(ModelFileError) -> LoadedModel {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
    throw .missing(path: path)
  }
  guard !isFolder.boolValue else {
    throw .unreadable(path: path, reason: "is a folder, expected a .keras or .h5 file")
  }
  guard let data = FileManager.default.contents(atPath: path) else {
    throw .unreadable(path: path, reason: "cannot be read; check its permissions")
  }
  let bytes = [UInt8](data)
  let (model, format) = try KerasModelFile(bytes, path: path).load()
  return LoadedModel(model: model, sha256: sha256(of: bytes), format: format, path: path)
}

private func sha256(of bytes: [UInt8]) -> [UInt8] {
  var hash = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
  crypto_hash_sha256(&hash, bytes, UInt64(bytes.count))
  return hash
}
