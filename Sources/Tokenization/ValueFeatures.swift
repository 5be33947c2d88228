/// What becomes of rows of numbers before the model sees them: gaps filled, an even grid in time, rows
/// and differences from before, scaling, in this order.
///
/// A step's features are the row, then the row of each `lag`, then the difference to the row of each
/// `difference`, all of the same columns.
package struct ValueFeatures: Sendable, Equatable {
  /// What stands for a value that is missing (NaN).
  package enum Missing: String, CaseIterable, Sendable {
    case refuse
    /// The column's value before it.
    case previous
    case zero
    /// The column's mean, by the scaling.
    case mean
  }

  /// What the rows before the first are.
  package enum Beginning: String, CaseIterable, Sendable {
    /// None: the first steps are left out, as `dropna` does.
    case skip
    /// Copies of the first.
    case repeated = "repeat"
    /// Lags are 0, differences too.
    case zero
  }

  /// An even grid of steps that begins at the first row's time.
  package struct Resampling: Sendable, Equatable {
    package enum Method: String, CaseIterable, Sendable {
      /// The last row at or before the grid's time.
      case previous
      /// On the line between the rows around it.
      case linear
    }

    /// The column that holds the time, which is no feature.
    package var column: Int
    /// Between two steps, in the column's unit.
    package var every: Double
    package var method: Method
    /// Steps that one row may complete; a longer gap is refused.
    package var gap: Int

    package init(column: Int, every: Double, method: Method, gap: Int) {
      self.column = column
      self.every = every
      self.method = method
      self.gap = gap
    }
  }

  package let outputWidth: Int
  package let scaling: ValueScaling?
  package let missing: Missing
  package let lags: [Int]
  package let differences: [Int]
  package let keepsCurrent: Bool
  package let beginning: Beginning
  package let resampling: Resampling?
  /// Columns of a row, the time not among them.
  let columns: Int
  /// Rows before the present one that are kept.
  let depth: Int

  /// - Parameters:
  ///   - outputWidth: values of a step, as the model takes them.
  ///   - scaling: of the features, of that width.
  ///   - missing: what stands for NaN.
  ///   - lags: rows back, 1 or more.
  ///   - differences: likewise.
  ///   - keepsCurrent: whether the row itself is among the features.
  ///   - beginning: what the rows before the first are.
  ///   - resampling: an even grid in time; nil for a step a row.
  /// - Throws: a `ValueFeatureError`.
  package init(
    outputWidth: Int, scaling: ValueScaling? = nil, missing: Missing = .refuse, lags: [Int] = [],
    differences: [Int] = [], keepsCurrent: Bool = true, beginning: Beginning = .skip,
    resampling: Resampling? = nil
  ) throws(ValueFeatureError) {
    let blocks = (keepsCurrent ? 1 : 0) + lags.count + differences.count
    guard blocks > 0 else { throw .noFeatures }
    guard outputWidth % blocks == 0 else {
      throw .unevenWidth(width: outputWidth, blocks: blocks)
    }
    columns = outputWidth / blocks
    if missing == .mean, scaling == nil || !keepsCurrent { throw .noMean }
    if let resampling, resampling.column > columns {
      throw .noTimeColumn(resampling.column, columns: columns + 1)
    }
    self.outputWidth = outputWidth
    self.scaling = scaling
    self.missing = missing
    self.lags = lags
    self.differences = differences
    self.keepsCurrent = keepsCurrent
    self.beginning = beginning
    self.resampling = resampling
    depth = max(lags.max() ?? 0, differences.max() ?? 0)
  }

  /// Values of a row as it comes.
  package var inputWidth: Int { columns + (resampling == nil ? 0 : 1) }

  /// Whether some rows make no step, or several: then steps have numbers of their own.
  package var changesCount: Bool { resampling != nil || depth > 0 && beginning == .skip }

  /// Whether a step is its row and nothing else but scaled.
  private var isPlain: Bool {
    resampling == nil && missing == .refuse && depth == 0 && keepsCurrent
  }

  // MARK: Rows to steps

  /// Takes rows, and appends the steps that they complete.
  ///
  /// - Parameters:
  ///   - rows: row-major, `inputWidth` values each.
  ///   - carry: what the stream has kept; unchanged where a row is refused.
  ///   - steps: row-major, `outputWidth` values each.
  ///   - ends: for each step, how many of the rows it took.
  /// - Throws: a `ValueRefusal`; none of the rows is taken then.
  package func feed(
    _ rows: [Float], carry: inout ValueCarry, into steps: inout [Float], ends: inout [Int]
  ) throws(ValueRefusal) {
    var output: [Float] = []
    if isPlain {
      if let index = rows.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(row: index / inputWidth, column: index % inputWidth, value: rows[index])
      }
      output = rows
      ends += 1..<(rows.count / inputWidth + 1)
    } else {
      var taken = carry
      var outputEnds: [Int] = []
      for row in 0..<rows.count / inputWidth {
        let count = output.count
        try take(
          Array(rows[row * inputWidth..<(row + 1) * inputWidth]), row, &taken, into: &output)
        let made = (output.count - count) / outputWidth
        outputEnds += repeatElement(row + 1, count: made)
      }
      carry = taken
      ends += outputEnds
    }
    scaling?.apply(to: &output)
    steps += output
  }

  /// Whether a carry that was kept elsewhere is one of these features.
  package func fits(_ carry: ValueCarry) -> Bool {
    carry.rows.count % columns == 0 && carry.rows.count <= depth * columns
      && (carry.known?.count ?? columns) == columns
      && (carry.grid?.row.count ?? columns) == columns
  }

  private func take(
    _ row: [Float], _ number: Int, _ carry: inout ValueCarry, into steps: inout [Float]
  ) throws(ValueRefusal) {
    var values = row
    guard let resampling else {
      try fill(&values, number, &carry)
      return append(values, &carry, into: &steps)
    }
    let time = Double(values.remove(at: resampling.column))
    guard time.isFinite else {
      throw .notFinite(row: number, column: resampling.column, value: Float(time))
    }
    try fill(&values, number, &carry)
    guard var grid = carry.grid else {
      carry.grid = ValueCarry.Grid(start: time, next: 1, time: time, row: values)
      return append(values, &carry, into: &steps)
    }
    guard time > grid.time else { throw .notLater(row: number, time: time, last: grid.time) }
    let due = (time - grid.start) / resampling.every - Double(grid.next)
    guard due < Double(resampling.gap) else {
      throw .longGap(row: number, time: time, last: grid.time, limit: resampling.gap)
    }
    while true {
      let point = grid.start + Double(grid.next) * resampling.every
      guard point <= time else { break }
      append(
        at: point, between: grid, time, values, resampling.method, &carry, into: &steps)
      grid.next += 1
    }
    grid.time = time
    grid.row = values
    carry.grid = grid
  }

  private func append(
    at point: Double, between grid: ValueCarry.Grid, _ time: Double, _ values: [Float],
    _ method: Resampling.Method, _ carry: inout ValueCarry, into steps: inout [Float]
  ) {
    if point == time { return append(values, &carry, into: &steps) }
    guard method == .linear else { return append(grid.row, &carry, into: &steps) }
    let part = (point - grid.time) / (time - grid.time)
    let between = zip(grid.row, values).map { before, after in
      Float(Double(before) + (Double(after) - Double(before)) * part)
    }
    append(between, &carry, into: &steps)
  }

  /// Puts something in the place of what is missing.
  private func fill(
    _ values: inout [Float], _ row: Int, _ carry: inout ValueCarry
  ) throws(ValueRefusal) {
    for column in values.indices {
      let value = values[column]
      if value.isFinite { continue }
      guard value.isNaN else { throw .notFinite(row: row, column: column, value: value) }
      switch missing {
      case .refuse: throw .notFinite(row: row, column: column, value: value)
      case .zero: values[column] = 0
      case .mean: values[column] = scaling?.mean[column] ?? 0
      case .previous:
        guard let known = carry.known, known[column].isFinite else {
          throw .nothingBefore(row: row, column: column)
        }
        values[column] = known[column]
      }
    }
    if missing == .previous { carry.known = values }
  }

  /// Makes the features of one row of the grid, and keeps it for those to come.
  private func append(_ row: [Float], _ carry: inout ValueCarry, into steps: inout [Float]) {
    let kept = carry.rows.count / columns
    if kept == depth || beginning != .skip {
      if keepsCurrent { steps += row }
      for lag in lags {
        steps += past(lag, carry, row) ?? [Float](repeating: 0, count: columns)
      }
      for difference in differences {
        steps += zip(row, past(difference, carry, row) ?? row).map { $0 - $1 }
      }
    }
    guard depth > 0 else { return }
    if kept == depth { carry.rows.removeFirst(columns) }
    carry.rows += row
  }

  /// The row so many rows back; nil where there is none and nothing stands for it.
  private func past(_ back: Int, _ carry: ValueCarry, _ row: [Float]) -> [Float]? {
    let kept = carry.rows.count / columns
    guard back <= kept else {
      guard beginning == .repeated else { return nil }
      return kept == 0 ? row : Array(carry.rows[..<columns])
    }
    return Array(carry.rows[(kept - back) * columns..<(kept - back + 1) * columns])
  }
}
