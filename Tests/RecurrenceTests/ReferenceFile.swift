import Foundation

@testable import Recurrence

/// `Fixtures/reference-cells/cells.json`: Keras models with their answers.
struct ReferenceFile: Decodable {
  struct Case: Decodable {
    let name: String
    let mode: String
    let input: Input
    let layers: [ReferenceLayer]
    let answers: [[Float]]
  }

  struct Input: Decodable {
    let tokens: Int?
    let ids: [Int32]?
    let width: Int?
    let rows: [[Float]]?
  }

  struct ActivationRow: Decodable {
    let name: String
    let options: ActivationOptions
    let x: [Float]
    let y: [Float]
  }

  let cases: [Case]
  let activations: [ActivationRow]

  static func read() throws -> ReferenceFile {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let file = root.appending(path: "Fixtures/reference-cells/cells.json")
    return try JSONDecoder().decode(ReferenceFile.self, from: Data(contentsOf: file))
  }
}

/// The options of a Keras activation that its name does not give.
struct ActivationOptions: Decodable {
  var max_value: Float?
  var negative_slope: Float?
  var threshold: Float?
  var default_value: Float?
  var alpha: Float?
  var approximate: Bool?

  func activation(named name: String) throws -> Activation {
    switch name {
    case "linear": return .linear
    case "tanh": return .tanh
    case "sigmoid": return .sigmoid
    case "hard_sigmoid": return .hardSigmoid
    case "relu":
      if max_value == nil && negative_slope == nil && threshold == nil { return .relu }
      return .limitedRelu(
        maxValue: max_value, negativeSlope: negative_slope ?? 0, threshold: threshold ?? 0)
    case "relu6": return .relu6
    case "leaky_relu": return .leakyRelu(negativeSlope: negative_slope ?? 0.2)
    case "elu": return .elu(alpha: alpha ?? 1)
    case "selu": return .selu
    case "celu": return .celu(alpha: alpha ?? 1)
    case "softplus": return .softplus
    case "softsign": return .softsign
    case "exponential": return .exponential
    case "silu": return .silu
    case "hard_silu": return .hardSilu
    case "mish": return .mish
    case "hard_tanh": return .hardTanh
    case "tanh_shrink": return .tanhShrink
    case "soft_shrink": return .softShrink(threshold: threshold ?? 0.5)
    case "hard_shrink": return .hardShrink(threshold: threshold ?? 0.5)
    case "squareplus": return .squareplus(b: 4)
    case "sparse_plus": return .sparsePlus
    case "sparse_sigmoid": return .sparseSigmoid
    case "log_sigmoid": return .logSigmoid
    case "softmax": return .softmax
    case "log_softmax": return .logSoftmax
    case "gelu": return approximate == true ? .geluApproximate : .gelu
    case "threshold": return .threshold(threshold: threshold ?? 0, value: default_value ?? 0)
    default: throw ReferenceProblem.unknown(name)
    }
  }
}

enum ReferenceProblem: Error {
  case unknown(String)
  case missing(String)
}
