/// A tensor of a graph that depends on the stream: rows that pass from layer to layer.
struct ONNXRows {
  /// What an axis of the tensor counts.
  enum Axis: Equatable {
    case batch
    case steps
    /// An axis of size 1.
    case one
    /// The values of a row.
    case units(Int)
  }

  var value: LayerGraph.Value
  /// With at most one axis of units; without one a row is a single value.
  var axes: [Axis]
  /// Values of a row.
  var width: Int
  /// Whether it is the ids of tokens.
  var isTokens = false
  /// Zeros that a Pad put before the first step.
  var padding = 0
  /// Rows behind the last step that a padded convolution gave; they must be cut off.
  var surplus = 0

  var hasSteps: Bool { axes.contains(.steps) }

  /// The place of the axis of units; nil if there is none.
  var unitsAxis: Int? {
    axes.firstIndex { axis in
      if case .units = axis { true } else { false }
    }
  }

  /// Whether the rows' values are the last axis, or rows of one value.
  var unitsAreLast: Bool { unitsAxis == nil ? width == 1 : unitsAxis == axes.count - 1 }

  func with(_ value: LayerGraph.Value, width: Int? = nil) -> ONNXRows {
    var rows = self
    rows.value = value
    if let width {
      rows.width = width
      rows.axes = axes.map { if case .units = $0 { .units(width) } else { $0 } }
    }
    return rows
  }
}
