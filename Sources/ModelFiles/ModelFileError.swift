/// Why a model file cannot be used: one line that names the file, the place and what to do.
package enum ModelFileError: Error, Equatable, CustomStringConvertible {
  case missing(path: String)
  /// The bytes are no file of a known kind, or broken.
  case unreadable(path: String, reason: String)
  /// The file is whole and asks for something that cannot be stepped, or is not supported.
  case unsupported(path: String, layer: String, reason: String)
  case wrongShape(path: String, tensor: String, expected: [Int], received: [Int])
  case missingTensor(path: String, tensor: String)
  /// Layers that do not fit each other.
  case badModel(path: String, reason: String)

  package var description: String {
    switch self {
    case .missing(let path): "\(path): no such file; expected a .keras or .h5 model"
    case .unreadable(let path, let reason): "\(path): \(reason)"
    case .unsupported(let path, let layer, let reason): "\(path): layer \(layer): \(reason)"
    case .wrongShape(let path, let tensor, let expected, let received):
      "\(path): tensor \(tensor) has shape \(received), expected \(expected)"
    case .missingTensor(let path, let tensor):
      "\(path): the weights \(tensor) are missing; save the whole model again"
    case .badModel(let path, let reason): "\(path): \(reason)"
    }
  }
}
