/// Keras' `GlobalMaxPooling1D` and `GlobalAveragePooling1D` as running values.
///
/// After each step the row is the one for the steps so far. The mean's sum is one chain over the
/// steps, a pair of floats whose sum it is (Knuth's two-sum, then made small again), so that it stays
/// right to a float however long a stream is.
package struct GlobalPooling1D: Sendable {
  package let name: String
  package let kind: Pooling1D.Kind
  /// Values of each row.
  package let width: Int

  package init(name: String, kind: Pooling1D.Kind, width: Int) {
    self.name = name
    self.kind = kind
    self.width = width
  }

  /// One step of one stream.
  ///
  /// - Parameters:
  ///   - input: `width` values; nil for a step that does not count.
  ///   - total: `width` values, the greatest so far or the sum.
  ///   - rounded: `width` values, what the sums lost.
  ///   - count: two values, the steps so far below 2^20 and their overflow.
  ///   - output: receives `width` values; may not overlap the others.
  /// - Returns: whether there has been a step that counts.
  package func step(
    input: UnsafePointer<Float>?, total: UnsafeMutablePointer<Float>,
    rounded: UnsafeMutablePointer<Float>, count: UnsafeMutablePointer<Float>,
    output: UnsafeMutablePointer<Float>
  ) -> Bool {
    if let input {
      take(input, total, rounded, isFirst: count[0] == 0 && count[1] == 0)
      count[0] += 1
      if count[0] == 0x1p20 {
        count[0] = 0
        count[1] += 1
      }
    }
    let steps = Arithmetic.fused(count[1], 0x1p20, count[0])
    guard steps > 0 else {
      output.update(repeating: 0, count: width)
      return false
    }
    switch kind {
    case .maximum: output.update(from: total, count: width)
    case .average:
      for j in 0..<width { output[j] = (total[j] + rounded[j]) / steps }
    }
    return true
  }

  private func take(
    _ input: UnsafePointer<Float>, _ total: UnsafeMutablePointer<Float>,
    _ rounded: UnsafeMutablePointer<Float>, isFirst: Bool
  ) {
    for j in 0..<width {
      let x = input[j]
      switch kind {
      case .maximum: total[j] = isFirst ? x : Arithmetic.greater(total[j], x)
      case .average:
        let old = total[j]
        let sum = old + x
        let part = sum - old
        let low = rounded[j] + ((old - (sum - part)) + (x - part))
        total[j] = sum + low
        rounded[j] = low - (total[j] - sum)
      }
    }
  }

  var options: [LayerOption] { [.width("width", width)] }
}
