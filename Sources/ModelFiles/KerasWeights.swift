/// Where the weights of a layer stand in a file.
enum KerasWeights {
  /// No layer has more; a file that claims more is refused before they are read (LSTM in Keras 1).
  private static let countMax = 12

  /// In `.keras` files: `layers/GROUP/vars/0` and so on, `cell` or `layer` between where they are.
  ///
  /// Recurrent layers keep theirs in `cell`, wrappers in `layer`. Optimizer state stands elsewhere
  /// and is not looked at.
  ///
  /// - Throws: `HDF5Error`, or a `ModelFileError` if the file says that the group is of another
  ///   layer.
  static func keras3(
    of layer: KerasLayer, in file: borrowing HDF5File, path: String
  ) throws -> [Tensor] {
    // Keras 2.12 and 2.13 had another name for the group of layers.
    let parent = try file.exists("layers") ? "layers" : "_layer_checkpoint_dependencies"
    let group = "\(parent)/\(layer.weightGroup)"
    try checkOwner(of: group, layer, in: file, path: path)
    guard let inner = layer.wrapped.first else {
      return try variables(of: layer, group, in: file)
    }
    if layer.wrapped.count == 1 {
      return try variables(of: inner, "\(group)/\(inner.weightGroup)", in: file)
    }
    // As in `.h5` files, each bears the name of its layer.
    return try layer.wrapped.flatMap { inner in
      let place = "\(group)/\(inner.weightGroup)"
      try checkOwner(of: place, inner, in: file, path: path)
      return try variables(of: inner, place, in: file).map {
        Tensor(name: "\(inner.name)/\($0.name)", shape: $0.shape, values: $0.values)
      }
    }
  }

  /// Of the weights of a wrapper those of one of the layers that it wraps.
  static func ofWrapped(_ inner: KerasLayer, in tensors: [Tensor]) -> [Tensor] {
    tensors.filter { tensor in
      tensor.name.split(separator: "/").dropLast().last.map(String.init) == inner.name
    }
  }

  /// Newer files name each group's layer: the running numbers must lead to the right one.
  private static func checkOwner(
    of group: String, _ layer: KerasLayer, in file: borrowing HDF5File, path: String
  ) throws {
    guard try file.exists("\(group)/vars"),
      let owner = try file.string("name", of: "\(group)/vars"), owner != layer.name
    else { return }
    throw ModelFileError.wrongTensor(
      path: path, layer: layer.title, expected: "'\(layer.name)'", received: "'\(owner)'")
  }

  private static func variables(
    of layer: KerasLayer, _ group: String, in file: borrowing HDF5File
  ) throws -> [Tensor] {
    let variables = layer.isRecurrent ? "\(group)/cell/vars" : "\(group)/vars"
    guard try file.exists(variables) else { return [] }
    let count = try file.members(of: variables).count
    guard count <= countMax else {
      throw HDF5Error.unreadable(object: variables, reason: "\(count) weights")
    }
    var tensors: [Tensor] = []
    for index in 0..<count {
      tensors.append(try file.tensor("\(variables)/\(index)", name: "\(index)"))
    }
    return tensors
  }

  /// In `.h5` files: the group named after the layer lists its datasets in `weight_names`.
  ///
  /// `root` is the group of all layers, empty in a file of weights alone. Throws `HDF5Error`.
  static func legacy(
    of layer: KerasLayer, in file: borrowing HDF5File, root: String = "model_weights"
  ) throws -> [Tensor] {
    let group = root.isEmpty ? layer.name : "\(root)/\(layer.name)"
    guard try file.exists(group) else { return [] }
    let names = try file.strings("weight_names", of: group) ?? []
    guard names.count <= countMax * max(1, layer.wrapped.count) else {
      throw HDF5Error.unreadable(object: group, reason: "\(names.count) weights")
    }
    var tensors: [Tensor] = []
    for name in names {
      tensors.append(try file.tensor("\(group)/\(name)", name: name))
    }
    return tensors
  }
}
