import Recurrence

/// The weights of one layer, checked against the shape that its configuration asks for.
struct KerasTensors {
  private let tensors: [HDF5File.Tensor]
  private let layer: KerasLayer
  private let path: String

  init(_ tensors: [HDF5File.Tensor], layer: KerasLayer, path: String) {
    self.tensors = tensors
    self.layer = layer
    self.path = path
  }

  private func tensor(_ index: Int, _ name: String) throws(ModelFileError) -> HDF5File.Tensor {
    guard tensors.indices.contains(index) else {
      throw .missingTensor(path: path, tensor: "\(layer.name)/\(name)")
    }
    return tensors[index]
  }

  private func wrongShape(
    _ name: String, _ expected: [Int], _ received: [Int]
  ) -> ModelFileError {
    .wrongShape(
      path: path, tensor: "\(layer.name)/\(name)", expected: expected, received: received)
  }

  /// A `[rows, columns]` tensor; a nil size may be any.
  func matrix(
    _ index: Int, _ name: String, rows: Int? = nil, columns: Int? = nil
  ) throws(ModelFileError) -> Matrix {
    let tensor = try tensor(index, name)
    guard tensor.shape.count == 2, rows ?? tensor.shape[0] == tensor.shape[0],
      columns ?? tensor.shape[1] == tensor.shape[1], !tensor.values.isEmpty
    else { throw wrongShape(name, [rows ?? -1, columns ?? -1], tensor.shape) }
    return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values)
  }

  /// A `[rows, columns]` tensor; one row may come as a vector.
  func rows(
    _ index: Int, _ name: String, rows: Int, columns: Int
  ) throws(ModelFileError) -> Matrix {
    let tensor = try tensor(index, name)
    guard tensor.shape == [rows, columns] || (rows == 1 && tensor.shape == [columns]) else {
      throw wrongShape(name, rows == 1 ? [columns] : [rows, columns], tensor.shape)
    }
    return Matrix(rows: rows, columns: columns, values: tensor.values)
  }

  func vector(
    _ index: Int, _ name: String, count: Int? = nil
  ) throws(ModelFileError) -> [Float] {
    let tensor = try tensor(index, name)
    guard tensor.shape.count == 1, count ?? tensor.shape[0] == tensor.shape[0] else {
      throw wrongShape(name, [count ?? -1], tensor.shape)
    }
    return tensor.values
  }

  /// A convolution's `[taps, channels, filters]` as a matrix `[taps * channels, filters]`.
  func taps(
    _ index: Int, _ name: String, size: Int, filters: Int
  ) throws(ModelFileError) -> Matrix {
    let tensor = try tensor(index, name)
    guard tensor.shape.count == 3, tensor.shape[0] == size, tensor.shape[2] == filters,
      !tensor.values.isEmpty
    else { throw wrongShape(name, [size, -1, filters], tensor.shape) }
    return Matrix(rows: size * tensor.shape[1], columns: filters, values: tensor.values)
  }
}
