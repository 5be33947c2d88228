import Recurrence

extension Matrix {
  /// Columns as rows.
  var transposed: Matrix {
    var transposed = [Float](repeating: 0, count: values.count)
    values.withUnsafeBufferPointer { source in
      for row in 0..<rows {
        for column in 0..<columns {
          transposed[column * rows + row] = source[row * columns + column]
        }
      }
    }
    return Matrix(rows: columns, columns: rows, values: transposed)
  }

  /// The same weights with their gates, equal shares of the columns, in another order.
  ///
  /// `order[i]` says which of the old gates comes `i`th.
  func withGates(_ order: [Int]) -> Matrix {
    let units = columns / order.count
    var ordered: [Float] = []
    ordered.reserveCapacity(values.count)
    for row in 0..<rows {
      for gate in order {
        let start = row * columns + gate * units
        ordered.append(contentsOf: values[start..<start + units])
      }
    }
    return Matrix(rows: rows, columns: columns, values: ordered)
  }
}

extension [Float] {
  /// As `Matrix.withGates`, for one row.
  func withGates(_ order: [Int]) -> [Float] {
    Matrix(rows: 1, columns: count, values: self).withGates(order).values
  }
}
