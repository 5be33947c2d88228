/// A row-major table of floats: weights as Keras stores them, or rows of answers.
package struct Matrix: Sendable, Equatable {
  package let rows: Int
  package let columns: Int
  /// `rows * columns` values, row after row.
  package let values: [Float]

  /// Takes values that are already in row-major order.
  ///
  /// - Precondition: `values.count == rows * columns`.
  package init(rows: Int, columns: Int, values: [Float]) {
    precondition(
      values.count == rows * columns,
      "a \(rows) x \(columns) matrix needs \(rows * columns) values, received \(values.count)")
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  package subscript(row: Int, column: Int) -> Float { values[row * columns + column] }

  /// One row, copied.
  package func row(_ index: Int) -> [Float] {
    Array(values[index * columns..<(index + 1) * columns])
  }

  /// Continues one chain a column: `sums[j] = fma(input[k], self[k, j], sums[j])`, `k` in order.
  ///
  /// The loops run `k` outside and `j` inside, so memory is read in order and each column's
  /// additions still happen in `k` order. A zero input is multiplied like any other.
  ///
  /// - Parameters:
  ///   - input: `inputCount` values, the first of which belongs to row `firstRow`.
  ///   - inputCount: how many rows take part.
  ///   - firstRow: the row that `input[0]` multiplies.
  ///   - selected: the columns that take part.
  ///   - sums: one value for each selected column.
  func addProducts(
    of input: UnsafePointer<Float>, inputCount: Int, firstRow: Int, columns selected: Range<Int>,
    to sums: UnsafeMutablePointer<Float>
  ) {
    precondition(firstRow >= 0 && firstRow + inputCount <= rows)
    precondition(selected.lowerBound >= 0 && selected.upperBound <= columns)
    values.withUnsafeBufferPointer { buffer in
      guard let weights = buffer.baseAddress else { return }
      let width = selected.count
      var k = 0
      while k < inputCount {
        let row = weights + (firstRow + k) * columns + selected.lowerBound
        let factor = input[k]
        var j = 0
        while j < width {
          sums[j].addProduct(factor, row[j])
          j += 1
        }
        k += 1
      }
    }
  }

  /// Continues the chain of every column with every row.
  func addProducts(of input: UnsafePointer<Float>, to sums: UnsafeMutablePointer<Float>) {
    addProducts(of: input, inputCount: rows, firstRow: 0, columns: 0..<columns, to: sums)
  }
}
