import Recurrence

/// ONNX' activations: by name in recurrent operators, and as operators of their own.
enum ONNXActivation {
  /// Those of recurrent operators that take an alpha, and a beta.
  private static let withAlpha: Set<String> = [
    "affine", "leakyrelu", "thresholdedrelu", "scaledtanh", "hardsigmoid", "elu",
  ]
  private static let withBeta: Set<String> = ["affine", "scaledtanh", "hardsigmoid"]

  /// The activations of a recurrent operator, `fallback` where it names none.
  ///
  /// Their alphas and betas stand in lists of their own, in the order of the functions that take one.
  static func list(
    of node: ONNXNode, fallback: [String]
  ) throws(ModelFileError) -> [Activation] {
    let names = try node.texts("activations") ?? fallback
    guard names.count == fallback.count else {
      throw node.unsupported(
        "activations", "names \(names.count) functions, expected \(fallback.count)")
    }
    let kinds = names.map { $0.lowercased() }
    let alphas = try node.floats("activation_alpha")
    let betas = try node.floats("activation_beta")
    let alphaCount = kinds.filter(withAlpha.contains).count
    let betaCount = kinds.filter(withBeta.contains).count
    guard alphas.isEmpty || alphas.count == alphaCount else {
      throw node.unsupported(
        "activation_alpha",
        "has \(alphas.count) values, expected \(alphaCount), one for each "
          + "function that takes one")
    }
    guard betas.isEmpty || betas.count == betaCount else {
      throw node.unsupported(
        "activation_beta",
        "has \(betas.count) values, expected \(betaCount), one for each "
          + "function that takes one")
    }
    var nextAlpha = alphas.makeIterator()
    var nextBeta = betas.makeIterator()
    var list: [Activation] = []
    for (kind, name) in zip(kinds, names) {
      let alpha = withAlpha.contains(kind) ? nextAlpha.next() : nil
      let beta = withBeta.contains(kind) ? nextBeta.next() : nil
      guard let activation = named(kind, alpha, beta) else {
        throw node.unsupported("activations", "has \"\(name)\", which is not supported")
      }
      list.append(activation)
    }
    return list
  }

  private static func named(_ kind: String, _ alpha: Float?, _ beta: Float?) -> Activation? {
    switch kind {
    case "sigmoid": .sigmoid
    case "tanh": .tanh
    case "relu": .relu
    case "softsign": .softsign
    case "softplus": .softplus
    case "hardsigmoid": hardSigmoid(alpha ?? 0.2, beta ?? 0.5)
    case "affine": .affine(scale: alpha ?? 1, offset: beta ?? 0)
    case "scaledtanh": .scaledTanh(scale: alpha ?? 1, slope: beta ?? 1)
    case "leakyrelu": .leakyRelu(negativeSlope: alpha ?? 0.01)
    case "thresholdedrelu": .threshold(threshold: alpha ?? 1, value: 0)
    case "elu": .elu(alpha: alpha ?? 1)
    default: nil
    }
  }

  private static func hardSigmoid(_ slope: Float, _ offset: Float) -> Activation {
    if offset == 0.5 && slope == 0.2 { return .hardSigmoidKeras2 }
    // PyTorch's and Keras 3's, as the nearest float and as exporters round it.
    if offset == 0.5 && abs(slope - 1 / 6) < 1e-6 { return .hardSigmoid }
    return .clippedLine(slope: slope, offset: offset)
  }

  /// An operator that changes each value alone; nil if it is another.
  static func unit(_ node: ONNXNode) throws(ModelFileError) -> Activation? {
    switch node.kind {
    case "Sigmoid": return .sigmoid
    case "Tanh": return .tanh
    case "Relu": return .relu
    case "Softsign": return .softsign
    case "Softplus": return .softplus
    case "HardSwish": return .hardSilu
    case "Mish": return .mish
    case "Exp": return .exponential
    case "HardSigmoid":
      return hardSigmoid(
        try node.float("alpha", default: 0.2), try node.float("beta", default: 0.5))
    case "LeakyRelu":
      return .leakyRelu(negativeSlope: try node.float("alpha", default: 0.01))
    case "ThresholdedRelu":
      return .threshold(threshold: try node.float("alpha", default: 1), value: 0)
    case "Elu": return .elu(alpha: try node.float("alpha", default: 1))
    case "Celu": return .celu(alpha: try node.float("alpha", default: 1))
    case "Selu":
      let alpha = try node.float("alpha", default: 1.673_263_2)
      let gamma = try node.float("gamma", default: 1.050_700_9)
      guard abs(alpha - 1.673_263_2) < 1e-5, abs(gamma - 1.050_700_9) < 1e-5 else {
        throw node.unsupported("alpha", "is \(alpha), gamma \(gamma), expected SELU's own")
      }
      return .selu
    case "Swish":
      let alpha = try node.float("alpha", default: 1)
      guard alpha == 1 else { throw node.unsupported("alpha", "is \(alpha), expected 1") }
      return .silu
    case "Shrink":
      let threshold = try node.float("lambd", default: 0.5)
      let bias = try node.float("bias", default: 0)
      if bias == 0 { return .hardShrink(threshold: threshold) }
      guard bias == threshold else {
        throw node.unsupported("bias", "is \(bias), expected 0 or lambd")
      }
      return .softShrink(threshold: threshold)
    case "Gelu":
      let way = try node.text("approximate", default: "none")
      guard ["none", "tanh"].contains(way) else {
        throw node.unsupported("approximate", "is \"\(way)\", expected none or tanh")
      }
      return way == "tanh" ? .geluApproximate : .gelu
    default: return nil
    }
  }
}
