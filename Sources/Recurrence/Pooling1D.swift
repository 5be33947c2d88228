/// Keras' `MaxPooling1D` and `AveragePooling1D` over the last `size` steps, at each step.
///
/// Before the window is full the past is zeros: a `StepSelection` behind it leaves these steps out,
/// and those that a stride skips. The past is `size - 1` rows of state. A mean is sixteen partial
/// sums over the window, the oldest row first, divided by `size`.
package struct Pooling1D: Sendable {
  package enum Kind: String, Sendable, Equatable, Codable {
    case maximum
    case average
  }

  package let name: String
  package let kind: Kind
  package let size: Int
  /// Values of each row.
  package let width: Int

  package init(name: String, kind: Kind, size: Int, width: Int) {
    self.name = name
    self.kind = kind
    self.size = size
    self.width = width
  }

  /// One step of one stream.
  ///
  /// - Parameters:
  ///   - input: `width` values.
  ///   - past: `size - 1` rows, the oldest first; the oldest leaves, `input` becomes the newest.
  ///   - pastStride: floats from one past row to the next.
  ///   - output: receives `width` values; may not overlap `input` or `past`.
  package func step(
    input: UnsafePointer<Float>, past: UnsafeMutablePointer<Float>, pastStride: Int,
    output: UnsafeMutablePointer<Float>
  ) {
    let pastCount = size - 1
    for j in 0..<width {
      switch kind {
      case .maximum:
        var greatest = input[j]
        for row in 0..<pastCount {
          greatest = Arithmetic.greater(greatest, past[row * pastStride + j])
        }
        output[j] = greatest
      case .average:
        var sums = PartialSums()
        for row in 0..<pastCount { sums.add(past[row * pastStride + j], at: row) }
        sums.add(input[j], at: pastCount)
        output[j] = sums.total / Float(size)
      }
    }
    guard pastCount > 0 else { return }
    past.update(from: past + pastStride, count: (pastCount - 1) * pastStride)
    (past + (pastCount - 1) * pastStride).update(from: input, count: width)
  }

  var options: [LayerOption] { [.steps("pool_size", size), .width("width", width)] }
}
