/// Why rows are refused; `row` counts from the first of them.
package enum ValueRefusal: Error, Equatable {
  case notFinite(row: Int, column: Int, value: Float)
  /// Missing, with nothing before it to stand for it.
  case nothingBefore(row: Int, column: Int)
  case notLater(row: Int, time: Double, last: Double)
  case longGap(row: Int, time: Double, last: Double, limit: Int)
}
