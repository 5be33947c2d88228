import Recurrence

/// The weights of one layer, checked against what its configuration asks for.
struct KerasTensors {
  private let tensors: [Tensor]
  private let layer: KerasLayer
  private let path: String

  init(_ tensors: [Tensor], layer: KerasLayer, path: String) {
    self.tensors = tensors
    self.layer = layer
    self.path = path
  }

  private static let roles: Set<String> = [
    "kernel", "recurrent_kernel", "bias", "embeddings", "gamma", "beta", "moving_mean",
    "moving_variance",
  ]

  /// Checks that there are these weights, and none else; from then on they bear these names.
  ///
  /// Where the file names their roles ("lstm/kernel:0"), the names must agree.
  func named(_ names: [String]) throws(ModelFileError) -> KerasTensors {
    if let first = names.first, tensors.isEmpty {
      throw .missingTensor(path: path, tensor: "\(layer.name)/\(first)")
    }
    guard tensors.count == names.count else {
      throw .wrongTensorCount(
        path: path, layer: layer.title, expected: names.count, received: tensors.count)
    }
    var named: [Tensor] = []
    for (tensor, name) in zip(tensors, names) {
      let last = tensor.name.split(separator: "/").last ?? ""
      let role = String(last.prefix { $0 != ":" })
      guard role == name || !Self.roles.contains(role) else {
        throw .wrongTensor(
          path: path, layer: layer.title, expected: name, received: tensor.name)
      }
      named.append(Tensor(name: name, shape: tensor.shape, values: tensor.values))
    }
    return KerasTensors(named, layer: layer, path: path)
  }

  private func wrongShape(_ tensor: Tensor, _ expected: [Int?]) -> ModelFileError {
    .wrongShape(
      path: path, tensor: "\(layer.name)/\(tensor.name)", expected: expected,
      received: tensor.shape)
  }

  private func tensor(_ index: Int, shape expected: [Int?]) throws(ModelFileError) -> Tensor {
    guard tensors.indices.contains(index) else {
      throw .missingTensor(path: path, tensor: "\(layer.name), weight \(index)")
    }
    let tensor = tensors[index]
    guard tensor.shape.count == expected.count, !tensor.values.isEmpty,
      zip(tensor.shape, expected).allSatisfy({ $0 == ($1 ?? $0) })
    else { throw wrongShape(tensor, expected) }
    return tensor
  }

  /// A `[rows, columns]` tensor; nil rows may be any number.
  func matrix(_ index: Int, rows: Int?, columns: Int) throws(ModelFileError) -> Matrix {
    let tensor = try tensor(index, shape: [rows, columns])
    return Matrix(rows: tensor.shape[0], columns: columns, values: tensor.values)
  }

  /// A `[count]` tensor; a nil count may be any number.
  func vector(_ index: Int, count: Int?) throws(ModelFileError) -> [Float] {
    try tensor(index, shape: [count]).values
  }

  /// A single number, or a `[count]` tensor; a nil count asks for the single number.
  func scalarOrVector(_ index: Int, count: Int?) throws(ModelFileError) -> [Float] {
    try tensor(index, shape: count.map { [$0] } ?? []).values
  }

  /// A convolution's `[taps, channels, filters]` as a matrix `[taps * channels, filters]`.
  func taps(
    _ index: Int, size: Int, channels: Int?, filters: Int
  ) throws(ModelFileError) -> Matrix {
    let tensor = try tensor(index, shape: [size, channels, filters])
    return Matrix(rows: size * tensor.shape[1], columns: filters, values: tensor.values)
  }
}
