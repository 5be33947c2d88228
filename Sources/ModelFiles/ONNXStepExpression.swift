import Recurrence

/// A value inside the body of a loop over the steps, as it follows from the step's row and the states.
indirect enum ONNXStepExpression: Equatable {
  /// The step's row.
  case input(width: Int)
  /// What a carried value was before the step.
  case state(Int, width: Int)
  case affine(Affine)
  case activation(Activation, ONNXStepExpression)
  case product(ONNXStepExpression, ONNXStepExpression)
  case sum(ONNXStepExpression, ONNXStepExpression)
  /// `1 - x`.
  case complement(ONNXStepExpression)

  /// A bias and products with constant matrices.
  struct Affine: Equatable {
    struct Term: Equatable {
      var source: ONNXStepExpression
      /// `[source width, width]`.
      var matrix: Matrix
    }

    var width: Int
    /// Nil for none.
    var bias: [Float]?
    var terms: [Term]

    /// Some of the columns.
    func columns(_ range: Range<Int>) -> Affine {
      Affine(
        width: range.count, bias: bias.map { Array($0[range]) },
        terms: terms.map { Term(source: $0.source, matrix: $0.matrix.columns(range)) })
    }

    static func + (a: Affine, b: Affine) -> Affine {
      Affine(width: a.width, bias: added(a.bias, b.bias), terms: a.terms + b.terms)
    }

    func with(bias more: [Float]) -> Affine {
      Affine(width: width, bias: Self.added(bias, more), terms: terms)
    }

    private static func added(_ a: [Float]?, _ b: [Float]?) -> [Float]? {
      guard let a, let b else { return a ?? b }
      return zip(a, b).map { $0 + $1 }
    }
  }

  var width: Int {
    switch self {
    case .input(let width), .state(_, let width): width
    case .affine(let affine): affine.width
    case .activation(_, let inner), .complement(let inner): inner.width
    case .product(let a, _), .sum(let a, _): a.width
    }
  }

  static func + (a: ONNXStepExpression, b: ONNXStepExpression) -> ONNXStepExpression {
    if case .affine(let first) = a, case .affine(let second) = b { return .affine(first + second) }
    return .sum(a, b)
  }

  /// The two sides of a sum, in both orders.
  var addends: [(ONNXStepExpression, ONNXStepExpression)] {
    if case .sum(let a, let b) = self { [(a, b), (b, a)] } else { [] }
  }

  /// The two sides of a product, in both orders.
  var factors: [(ONNXStepExpression, ONNXStepExpression)] {
    if case .product(let a, let b) = self { [(a, b), (b, a)] } else { [] }
  }
}

extension Matrix {
  /// Some of the columns, in order.
  func columns(_ range: Range<Int>) -> Matrix {
    var chosen: [Float] = []
    chosen.reserveCapacity(rows * range.count)
    for row in 0..<rows {
      chosen.append(
        contentsOf: values[row * columns + range.lowerBound..<row * columns + range.upperBound])
    }
    return Matrix(rows: rows, columns: range.count, values: chosen)
  }

  /// Matrices of as many rows, side by side.
  static func beside(_ matrices: [Matrix]) -> Matrix {
    let rows = matrices.first?.rows ?? 0
    var values: [Float] = []
    for row in 0..<rows { for matrix in matrices { values.append(contentsOf: matrix.row(row)) } }
    return Matrix(rows: rows, columns: matrices.reduce(0) { $0 + $1.columns }, values: values)
  }
}
