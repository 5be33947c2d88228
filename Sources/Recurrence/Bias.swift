/// Biases as every chain starts from them.
///
/// A missing bias is +0, and a bias of -0 is stored as +0. From +0 or any other number a chain of
/// one-hot products never reaches -0, so multiplying by a one-hot row gives exactly the bits of
/// adding that one weight row to the bias: a table of `bias + row` may stand in for the products.
enum Bias {
  /// The values a chain of `width` columns starts from.
  static func start(_ bias: [Float]?, width: Int) -> [Float] {
    // A negative width is refused by `Model`; it only must not trap before that.
    guard let bias else { return [Float](repeating: 0, count: max(width, 0)) }
    return bias.map { $0 + 0 }
  }
}
