/// Why something in an HDF5 file cannot be read; `object` is its path inside the file.
enum HDF5Error: Error, Equatable {
  case notHDF5(reason: String)
  case missing(object: String)
  /// A link to another place or file, which is not followed: a model file speaks for itself alone.
  case link(object: String)
  case unreadable(object: String, reason: String)
  case tooLarge(object: String, shape: [Int])
  case notNumbers(object: String)
  case notText(object: String)
}

extension HDF5Error: CustomStringConvertible {
  var description: String {
    switch self {
    case .notHDF5(let reason):
      "is no whole HDF5 file (\(reason)); expected all its bytes: copy or save the model again"
    case .missing(let object): "has no \(object); save the whole model again"
    case .link(let object):
      "has \(object) as a link or stored elsewhere, which is not followed; "
        + "save the model again"
    case .unreadable(let object, let reason):
      "is damaged: \(object) cannot be read (\(reason)); copy or save the model again"
    case .tooLarge(let object, let shape):
      "is damaged: \(object) has shape \(shape), more than the file can hold"
    case .notNumbers(let object):
      "holds no numbers in \(object), expected a tensor; save the model again"
    case .notText(let object): "holds no text in \(object), expected text; save the model again"
    }
  }
}
