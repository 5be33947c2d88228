/// Why features of values cannot be made.
package enum ValueFeatureError: Error, Equatable, CustomStringConvertible {
  case noFeatures
  case unevenWidth(width: Int, blocks: Int)
  case noMean
  case noTimeColumn(Int, columns: Int)

  package var description: String {
    switch self {
    case .noFeatures: "leaves no features: current is false without lag or difference"
    case .unevenWidth(let width, let blocks):
      "makes \(blocks) blocks of the same columns, but the model takes \(width) values, "
        + "no multiple of \(blocks)"
    case .noMean: "fills with the mean, and there is none: give mean or scaling, and keep current"
    case .noTimeColumn(let column, let columns):
      "resamples by column \(column), expected one of 0 to \(columns - 1)"
    }
  }
}
