import Recurrence

/// A recurrent layer recognised in what a loop's body computes.
///
/// Exporters write a recurrent layer that ONNX has no operator for as a loop over the steps. The
/// equations are compared as they are, in any order of their sums and products; nothing is guessed.
struct ONNXCell {
  private typealias Expression = ONNXStepExpression
  private typealias Affine = ONNXStepExpression.Affine

  let layer: Layer
  /// The carried value that is h.
  let h: Int
  /// The carried value that is c; nil without.
  let c: Int?

  /// `states` says what each carried value becomes in a step; nil if it is no such layer.
  init?(name: String, states: [Int: ONNXStepExpression], output: ONNXStepExpression) {
    guard let h = states.first(where: { $0.value == output })?.key else { return nil }
    let others = states.filter { $0.key != h }
    self.h = h
    if others.isEmpty {
      c = nil
      guard let layer = Self.simpleRNN(name, output, h) ?? Self.gru(name, output, h) else {
        return nil
      }
      self.layer = layer
    } else {
      guard others.count == 1, let other = others.first,
        let layer = Self.lstm(name, output, h, other.value, other.key)
      else { return nil }
      c = other.key
      self.layer = layer
    }
  }

  // MARK: Parts

  /// The products of the row and of h, and nothing else.
  private struct Gate {
    var kernel: Matrix
    var recurrentKernel: Matrix
    var bias: [Float]?

    init(kernel: Matrix, recurrentKernel: Matrix, bias: [Float]?) {
      self.kernel = kernel
      self.recurrentKernel = recurrentKernel
      self.bias = bias
    }

    init?(_ affine: Affine, h: Int) {
      guard let kernel = ONNXCell.matrix(of: .input(width: 0), in: affine),
        let recurrent = ONNXCell.matrix(of: .state(h, width: 0), in: affine),
        affine.terms.count == 2
      else { return nil }
      self.kernel = kernel
      recurrentKernel = recurrent
      bias = affine.bias
    }
  }

  /// The one matrix that multiplies such a source, whatever its width.
  private static func matrix(of source: Expression, in affine: Affine) -> Matrix? {
    let terms = affine.terms.filter { term in
      switch (term.source, source) {
      case (.input, .input): true
      case (.state(let index, _), .state(let wanted, _)): index == wanted
      default: false
      }
    }
    return terms.count == 1 ? terms[0].matrix : nil
  }

  private static func activated(_ expression: Expression) -> (Activation, Expression)? {
    if case .activation(let activation, let inner) = expression { (activation, inner) } else { nil }
  }

  /// `activation(gate)`.
  private static func gate(_ expression: Expression, h: Int) -> (Activation, Gate)? {
    guard let (activation, inner) = activated(expression), case .affine(let affine) = inner,
      let gate = Gate(affine, h: h)
    else { return nil }
    return (activation, gate)
  }

  private static func isState(_ expression: Expression, _ index: Int) -> Bool {
    if case .state(index, _) = expression { true } else { false }
  }

  private static func joined(_ gates: [Gate]) -> (kernel: Matrix, recurrent: Matrix, bias: [Float]?)
  {
    let hasBias = gates.contains { $0.bias != nil }
    return (
      .beside(gates.map(\.kernel)), .beside(gates.map(\.recurrentKernel)),
      hasBias
        ? gates.flatMap { $0.bias ?? [Float](repeating: 0, count: $0.kernel.columns) } : nil
    )
  }

  // MARK: The three kinds

  /// `activation(b + W x + U h)`.
  private static func simpleRNN(_ name: String, _ output: Expression, _ h: Int) -> Layer? {
    guard let (activation, gate) = gate(output, h: h) else { return nil }
    return .simpleRNN(
      SimpleRNNCell(
        name: name, units: gate.kernel.columns, kernel: gate.kernel,
        recurrentKernel: gate.recurrentKernel, bias: gate.bias, activation: activation,
        returnSequences: true, zeroOutputForMask: false))
  }

  /// `h' = o * act(c')`, `c' = f * c + i * g`.
  private static func lstm(
    _ name: String, _ output: Expression, _ h: Int, _ cell: Expression, _ c: Int
  ) -> Layer? {
    for (outer, inner) in output.factors {
      guard let (sigmoid, o) = gate(outer, h: h), let (activation, content) = activated(inner),
        content == cell
      else { continue }
      for (kept, new) in cell.addends {
        for (forgetting, old) in kept.factors where isState(old, c) {
          for (taking, candidate) in new.factors {
            guard let (first, f) = gate(forgetting, h: h), let (second, i) = gate(taking, h: h),
              let (third, g) = gate(candidate, h: h), first == sigmoid, second == sigmoid,
              third == activation
            else { continue }
            let weights = joined([i, f, g, o])
            return .lstm(
              LSTMCell(
                name: name, units: o.kernel.columns, kernel: weights.kernel,
                recurrentKernel: weights.recurrent, bias: weights.bias, activation: activation,
                recurrentActivation: sigmoid, returnSequences: true, zeroOutputForMask: false))
          }
        }
      }
    }
    return nil
  }

  /// `h' = z * h + (1 - z) * act(candidate)`.
  private static func gru(_ name: String, _ output: Expression, _ h: Int) -> Layer? {
    for (kept, new) in output.addends {
      for (update, old) in kept.factors where isState(old, h) {
        for (rest, activated) in new.factors {
          guard case .complement(update) = rest, let (sigmoid, z) = gate(update, h: h),
            let (activation, candidate) = Self.activated(activated)
          else { continue }
          if let layer = resetAfter(name, h, z, sigmoid, activation, candidate)
            ?? resetBefore(name, h, z, sigmoid, activation, candidate)
          {
            return layer
          }
        }
      }
    }
    return nil
  }

  /// The candidate is `b + W x + r * (b' + U h)`.
  private static func resetAfter(
    _ name: String, _ h: Int, _ z: Gate, _ sigmoid: Activation, _ activation: Activation,
    _ candidate: Expression
  ) -> Layer? {
    for (ahead, behind) in candidate.addends {
      for (reset, product) in behind.factors {
        guard case .affine(let x) = ahead, case .affine(let past) = product,
          let (same, r) = gate(reset, h: h), same == sigmoid, x.terms.count == 1,
          past.terms.count == 1, let kernel = matrix(of: .input(width: 0), in: x),
          let recurrent = matrix(of: .state(h, width: 0), in: past)
        else { continue }
        let units = kernel.columns
        let zeros = [Float](repeating: 0, count: units)
        let bias = [z.bias, r.bias, x.bias, nil, nil, past.bias]
        let hasBias = bias.contains { $0 != nil }
        return .gru(
          GRUCell(
            name: name, units: units, kernel: .beside([z.kernel, r.kernel, kernel]),
            recurrentKernel: .beside([z.recurrentKernel, r.recurrentKernel, recurrent]),
            bias: hasBias
              ? Matrix(rows: 2, columns: 3 * units, values: bias.flatMap { $0 ?? zeros }) : nil,
            activation: activation, recurrentActivation: sigmoid, resetAfter: true,
            returnSequences: true, zeroOutputForMask: false))
      }
    }
    return nil
  }

  /// The candidate is `b + W x + U (r * h)`.
  private static func resetBefore(
    _ name: String, _ h: Int, _ z: Gate, _ sigmoid: Activation, _ activation: Activation,
    _ candidate: Expression
  ) -> Layer? {
    guard case .affine(let affine) = candidate, affine.terms.count == 2,
      let kernel = matrix(of: .input(width: 0), in: affine)
    else { return nil }
    for term in affine.terms {
      for (reset, old) in term.source.factors where isState(old, h) {
        guard let (same, r) = gate(reset, h: h), same == sigmoid else { continue }
        let third = Gate(kernel: kernel, recurrentKernel: term.matrix, bias: affine.bias)
        let weights = joined([z, r, third])
        return .gru(
          GRUCell(
            name: name, units: kernel.columns, kernel: weights.kernel,
            recurrentKernel: weights.recurrent,
            bias: weights.bias.map { Matrix(rows: 1, columns: 3 * kernel.columns, values: $0) },
            activation: activation, recurrentActivation: sigmoid, resetAfter: false,
            returnSequences: true, zeroOutputForMask: false))
      }
    }
    return nil
  }
}
