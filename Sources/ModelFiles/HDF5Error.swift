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
    case .missing(let object): "has no \(object) inside; save the whole model again"
    case .link(let object):
      "\(object) inside is a link or stored elsewhere, which is not followed; "
        + "save the model again"
    case .unreadable(let object, let reason):
      "\(object) inside cannot be read (\(reason)); the file is damaged: copy or save it again"
    case .tooLarge(let object, let shape):
      "\(object) inside has shape \(shape), more than the file can hold; the file is damaged"
    case .notNumbers(let object): "\(object) inside holds no numbers, expected a tensor"
    case .notText(let object): "\(object) inside holds no text, expected text"
    }
  }
}
