/// Chooses the next token from a distribution.
///
/// Its arithmetic is as fixed as the layers': the same distribution and seed give the same token on
/// every machine.
package struct Sampler: Sendable, Equatable {
  package enum Method: Sendable, Equatable {
    /// The largest probability; the first of equal ones.
    case greedy
    /// Any token, by its probability.
    case temperature
    /// One of the `k` most probable.
    case topK(Int)
    /// One of the fewest most probable tokens whose probabilities sum to at least `p` (Holtzman et
    /// al. 2019, nucleus sampling).
    case topP(Float)
  }

  package let method: Method
  /// Probabilities become `p^(1/temperature)`: below 1 sharper, above 1 flatter.
  package let temperature: Float

  package init(method: Method, temperature: Float = 1) {
    self.method = method
    self.temperature = temperature
  }

  /// Chooses from a row that is not empty.
  ///
  /// Only `greedy` takes no random number.
  package func token(of row: UnsafeBufferPointer<Float>, _ random: inout SplitMix64) -> Int32 {
    // The most probable first, the lower id first among equal ones.
    let order = row.indices.sorted { row[$0] > row[$1] || (row[$0] == row[$1] && $0 < $1) }
    if method == .greedy { return Int32(order[0]) }
    let weights = order.map { Double(weight(of: row[$0], largest: row[order[0]])) }
    let kept = weights.prefix(keptCount(weights))
    var left = random.unit() * kept.reduce(0, +)
    for (place, weight) in kept.enumerated() {
      left -= weight
      if left < 0 { return Int32(order[place]) }
    }
    return Int32(order[kept.count - 1])
  }

  /// `(p / largest)^(1/temperature)`.
  private func weight(of probability: Float, largest: Float) -> Float {
    guard probability > 0 else { return 0 }
    if temperature == 1 { return probability / largest }
    let logarithm = Arithmetic.logarithm(probability) - Arithmetic.logarithm(largest)
    return Arithmetic.exponential(logarithm / temperature)
  }

  private func keptCount(_ weights: [Double]) -> Int {
    switch method {
    case .greedy, .temperature: return weights.count
    case .topK(let k): return min(k, weights.count)
    case .topP(let p):
      let wanted = Double(p) * weights.reduce(0, +)
      var sum = 0.0
      for (place, weight) in weights.enumerated() {
        sum += weight
        if sum >= wanted { return place + 1 }
      }
      return weights.count
    }
  }
}
