import Recurrence

/// The tensors of a state dict, read by name and checked; it remembers which were used.
final class TorchWeights {
  private let file: SafetensorsFile
  /// The safetensors file.
  private let path: String
  private var used: Set<String> = []

  init(_ file: SafetensorsFile, path: String) {
    self.file = file
    self.path = path
  }

  /// Refuses a tensor that no layer uses: then the layers are not those of the model.
  ///
  /// A BatchNorm's count of training batches changes nothing.
  func refuseUnused() throws(ModelFileError) {
    guard
      let stray = file.names.first(where: {
        !used.contains($0) && !$0.hasSuffix("num_batches_tracked")
      })
    else { return }
    throw .unreadable(
      path: path,
      reason: "tensor \(stray) belongs to no layer of the layers file; name its layer there")
  }

  func contains(_ name: String) -> Bool { file.shape(of: name) != nil }

  /// The first tensor of a layer whose name ends so; nil if there is none.
  func name(under prefix: String?, endingIn suffix: String) -> String? {
    file.names.first { $0.hasPrefix(prefix.map { $0 + "." } ?? "") && $0.hasSuffix(suffix) }
  }

  /// The numbers of a tensor; sizes that are nil may be any.
  ///
  /// - Throws: `missingTensor`, `wrongShape`, or what is wrong with its numbers.
  func tensor(_ name: String, shape expected: [Int?]) throws(ModelFileError) -> Tensor {
    guard let shape = file.shape(of: name) else { throw .missingTensor(path: path, tensor: name) }
    guard shape.count == expected.count,
      zip(shape, expected).allSatisfy({ $0 == ($1 ?? $0) && $0 > 0 })
    else {
      throw .wrongShape(path: path, tensor: name, expected: expected, received: shape)
    }
    do {
      guard let tensor = try file.tensor(name) else {
        throw ModelFileError.missingTensor(path: path, tensor: name)
      }
      used.insert(name)
      return tensor
    } catch let error as ModelFileError {
      throw error
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
  }

  func vector(_ name: String, count: Int?) throws(ModelFileError) -> [Float] {
    try tensor(name, shape: [count]).values
  }

  /// PyTorch's `[out, in]` as ours, `[in, out]`.
  func transposed(
    _ name: String, rows: Int?, columns: Int?
  ) throws(ModelFileError) -> Matrix {
    let tensor = try tensor(name, shape: [rows, columns])
    return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values).transposed
  }
}
