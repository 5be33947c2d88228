import Recurrence

/// Why a model file cannot be used: one line that names the file, the place and what to do.
package enum ModelFileError: Error, Equatable {
  /// There is no such file.
  case missing(path: String)
  /// The bytes are no file of a known kind, or broken.
  case unreadable(path: String, reason: String)
  /// The file is whole and asks for something that cannot be stepped, or is not supported.
  ///
  /// `layer` is its name and class, as in `'lstm_1' (LSTM)`; `option` is the one at fault, nil if it
  /// is the layer as a whole.
  case unsupported(path: String, layer: String, option: String?, reason: String)
  /// A weight whose shape is not the one that the configuration asks for; nil may be any size.
  case wrongShape(path: String, tensor: String, expected: [Int?], received: [Int])
  case missingTensor(path: String, tensor: String)
  /// A layer has another number of weights than its options ask for.
  case wrongTensorCount(path: String, layer: String, expected: Int, received: Int)
  /// Weights that the file says belong to another layer or role.
  case wrongTensor(path: String, layer: String, expected: String, received: String)
  /// What the process that read the file said of it: the line of one of the other cases.
  case refused(line: String, isMissing: Bool)
  /// Layers that do not fit each other.
  case badModel(path: String, error: ModelError)
}

extension ModelFileError: CustomStringConvertible {
  /// One line, whatever a hostile file has for names.
  package var description: String { Self.oneLine(text) }

  private static let charactersMax = 1000

  private static func oneLine(_ text: String) -> String {
    var line = ""
    for scalar in text.unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control
      line += isControl || scalar == "\u{2028}" || scalar == "\u{2029}" ? "?" : String(scalar)
    }
    return line.count <= charactersMax ? line : line.prefix(charactersMax) + "..."
  }

  private var text: String {
    switch self {
    case .missing(let path):
      "\(path): no such file; expected a model: .keras, .h5, .safetensors or .onnx"
    case .unreadable(let path, let reason): "\(path): \(reason)"
    case .unsupported(let path, let layer, let option, let reason):
      "\(path): layer \(layer): \(option.map { "\($0): " } ?? "")\(reason)"
    case .wrongShape(let path, let tensor, let expected, let received):
      "\(path): tensor \(tensor) has shape \(received), "
        + "expected [\(expected.map { $0.map { "\($0)" } ?? "any" }.joined(separator: ", "))]; "
        + "the weights belong to other layer options"
    case .missingTensor(let path, let tensor):
      "\(path): tensor \(tensor) is missing; save the whole model again"
    case .wrongTensorCount(let path, let layer, let expected, let received):
      "\(path): layer \(layer) has \(received) weights, expected \(expected); "
        + "the weights belong to other layer options"
    case .wrongTensor(let path, let layer, let expected, let received):
      "\(path): layer \(layer): found the weights of \(received), expected \(expected); "
        + "save the model again"
    case .refused(let line, _): line
    case .badModel(let path, let error): "\(path): \(error)"
    }
  }
}
