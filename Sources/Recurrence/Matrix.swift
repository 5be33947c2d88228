/// A row-major table of floats: weights as Keras stores them, or rows of answers.
package struct Matrix: Sendable {
  package let rows: Int
  package let columns: Int
  /// Where the values are; nil while they are in memory.
  package let source: (any WeightSource)?

  private let held: [Float]

  /// `rows * columns` values, row after row.
  ///
  /// - Precondition: they are in memory, as they are unless a model was loaded for stepping alone.
  package var values: [Float] {
    precondition(source == nil, "the weights were packed and not kept: load the model in full")
    return held
  }

  /// Takes values that are already in row-major order.
  ///
  /// - Precondition: `values.count == rows * columns`.
  package init(rows: Int, columns: Int, values: [Float]) {
    precondition(
      values.count == rows * columns,
      "a \(rows) x \(columns) matrix needs \(rows * columns) values, received \(values.count)")
    self.rows = rows
    self.columns = columns
    held = values
    source = nil
  }

  /// Values that stay elsewhere; a model reads them when it packs them.
  package init(rows: Int, columns: Int, source: any WeightSource) {
    self.rows = rows
    self.columns = columns
    self.source = source
    held = []
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

extension Matrix: Equatable {
  /// Whether both are in memory, with the same values.
  package static func == (a: Matrix, b: Matrix) -> Bool {
    a.source == nil && b.source == nil && a.rows == b.rows && a.columns == b.columns
      && a.held == b.held
  }
}

// MARK: Reading

extension Matrix {
  /// How many blocks of rows there are: of the source's size, or of `heldBlockRows`.
  var blockCount: Int { (rows + rowsPerBlock - 1) / rowsPerBlock }

  /// Rows of a block: few enough to stay in cache between reading and packing.
  private var rowsPerBlock: Int { source?.rowsPerBlock ?? max(1, (1 << 17) / max(1, columns)) }

  /// Calls `body` with a block's rows and the index of the first one; NaN and infinity are refused.
  ///
  /// - Parameters:
  ///   - block: which one.
  ///   - room: memory for a block that is not in memory, grown as needed.
  ///   - body: takes the rows.
  /// - Throws: a `WeightFault`.
  func withBlock(
    _ block: Int, room: inout [Float],
    _ body: (_ rows: UnsafeBufferPointer<Float>, _ first: Int) -> Void
  ) throws(WeightFault) {
    let first = block * rowsPerBlock
    let count = min(rowsPerBlock, rows - first) * columns
    let start = first * columns
    if let source {
      if room.count < count { room = [Float](repeating: 0, count: count) }
      let failure = room.withUnsafeMutableBufferPointer { buffer -> WeightFault? in
        let rows = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
        do throws(WeightSourceError) {
          try source.read(block: block, into: rows)
        } catch {
          return .unreadable(reason: error.reason)
        }
        return Self.take(UnsafeBufferPointer(rows), first, start, body)
      }
      if let failure { throw failure }
    } else {
      let failure = held.withUnsafeBufferPointer { values in
        Self.take(.init(rebasing: values[start..<start + count]), first, start, body)
      }
      if let failure { throw failure }
    }
  }

  private static func take(
    _ rows: UnsafeBufferPointer<Float>, _ first: Int, _ start: Int,
    _ body: (UnsafeBufferPointer<Float>, Int) -> Void
  ) -> WeightFault? {
    if let fault = rows.firstNotFinite {
      return .notFinite(index: start + fault, value: rows[fault])
    }
    body(rows, first)
    return nil
  }

  /// All values, wherever they are.
  func readValues() throws(WeightFault) -> [Float] {
    if source == nil { return held }
    var values = [Float](repeating: 0, count: rows * columns)
    var room: [Float] = []
    for block in 0..<blockCount {
      try withBlock(block, room: &room) { rows, first in
        values.withUnsafeMutableBufferPointer { all in
          _ = UnsafeMutableBufferPointer(rebasing: all[(first * columns)...]).update(from: rows)
        }
      }
    }
    return values
  }
}
