/// Repeats the last row at steps that gave none: the end of a model that leaves out steps.
///
/// Its state is that row, and whether there has been one. Before the first there is no answer: each
/// value is NaN.
package struct LastAnswer: Sendable {
  package let name: String

  package init(name: String) { self.name = name }

  /// One row of `width` values, or none.
  ///
  /// - Parameters:
  ///   - input: the step's row; nil if it has none.
  ///   - last: `width` values, the last row.
  ///   - isThere: one value, 0 before the first row.
  ///   - output: receives `width` values.
  ///   - width: values of a row.
  package func step(
    input: UnsafePointer<Float>?, last: UnsafeMutablePointer<Float>,
    isThere: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, width: Int
  ) {
    if let input {
      last.update(from: input, count: width)
      isThere[0] = 1
    }
    if isThere[0] == 0 {
      output.update(repeating: .nan, count: width)
    } else {
      output.update(from: last, count: width)
    }
  }
}
