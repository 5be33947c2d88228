/// Where the weights of a layer stand in a file.
enum KerasWeights {
  /// In `.keras` files: `layers/GROUP/vars/0` and so on, `cell` or `layer` between where they are.
  ///
  /// Recurrent layers keep theirs in `cell`, wrappers in `layer`. Optimizer state stands elsewhere
  /// and is not looked at.
  static func keras3(
    of layer: KerasLayer, in file: borrowing HDF5File, under parent: String = "layers"
  ) throws -> [HDF5File.Tensor] {
    let group = "\(parent)/\(layer.weightGroup)"
    if let inner = layer.inner { return try keras3(of: inner.layer, in: file, under: group) }
    let variables = layer.isRecurrent ? "\(group)/cell/vars" : "\(group)/vars"
    guard file.exists(variables) else { return [] }
    let names = try file.members(of: variables).sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }
    var tensors: [HDF5File.Tensor] = []
    for name in names { tensors.append(try file.tensor("\(variables)/\(name)")) }
    return tensors
  }

  /// `.h5`: the group named after the layer lists its datasets in `weight_names`, in order.
  static func legacy(
    of layer: KerasLayer, in file: borrowing HDF5File
  ) throws -> [HDF5File.Tensor] {
    let group = "model_weights/\(layer.name)"
    guard file.exists(group) else { return [] }
    var tensors: [HDF5File.Tensor] = []
    for name in try file.strings("weight_names", of: group) ?? [] {
      tensors.append(try file.tensor("\(group)/\(name)"))
    }
    return tensors
  }
}
