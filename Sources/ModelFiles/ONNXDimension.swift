/// A size in an ONNX graph, which may be that of the batch or the number of steps.
///
/// Shape arithmetic of exported graphs runs over these; one stream is a batch of 1.
enum ONNXDimension: Equatable, Sendable {
  case known(Int)
  case batch
  case steps

  var size: Int? {
    if case .known(let size) = self { size } else { nil }
  }
}

extension ONNXDimension: CustomStringConvertible {
  var description: String {
    switch self {
    case .known(let size): "\(size)"
    case .batch: "batch"
    case .steps: "steps"
    }
  }
}
