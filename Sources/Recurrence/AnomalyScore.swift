/// How unlikely a stream's latest forecast errors are, beside its earlier ones.
///
/// The tail probability p of a normal distribution that is fitted to the last `window` errors
/// |value - forecast|, at the mean of the last `recent` of them; the score is ln p / ln 1e-10, from 0
/// to 1. That is the anomaly likelihood of Ahmad, Lavin, Purdy and Agha, "Unsupervised real-time
/// anomaly detection for streaming data" (Neurocomputing 262, 2017), on its logarithmic scale, with a
/// forecast error where theirs has an HTM's. Errors below their mean score 0.
package struct AnomalyScore: Sendable, Equatable {
  /// Errors that the normal distribution is fitted to.
  package let window: Int
  /// Errors whose mean is judged.
  package let recent: Int
  /// The score is 0 until there have been so many errors.
  package let warmUp: Int

  package init(window: Int, recent: Int, warmUp: Int) {
    self.window = window
    self.recent = recent
    self.warmUp = warmUp
  }

  /// What it remembers of one stream.
  package struct State: Sendable {
    /// What the last answer said that the next value is.
    package var forecast: Float?
    /// The last errors; a ring once it is full.
    private var errors: [Float] = []
    private var next = 0
    private var sum = 0.0
    private var squares = 0.0

    package init() {}

    fileprivate mutating func add(_ error: Float, window: Int) {
      if !isRing(of: window) { refit(to: window) }
      let value = Double(error)
      sum += value
      squares += value * value
      if errors.count < window {
        errors.append(error)
      } else {
        let old = Double(errors[next])
        sum -= old
        squares -= old * old
        errors[next] = error
      }
      next = (next + 1) % window
      // Added up anew once a round, so that rounding does not gather.
      if next == 0 { addUp() }
    }

    private mutating func addUp() {
      sum = errors.reduce(0) { $0 + Double($1) }
      squares = errors.reduce(0) { $0 + Double($1) * Double($1) }
    }

    /// Whether a window of this size left them so.
    private func isRing(of window: Int) -> Bool {
      errors.count < window ? next == errors.count : errors.count == window && next < window
    }

    /// Keeps the newest errors, oldest first: a state may come from a pipeline of another window.
    private mutating func refit(to window: Int) {
      errors = Array((errors[next...] + errors[..<next]).suffix(window))
      next = errors.count % window
      addUp()
    }

    fileprivate var count: Int { errors.count }

    /// How many standard deviations the mean of the last errors lies above that of all.
    fileprivate func deviation(recent: Int) -> Double {
      let mean = sum / Double(errors.count)
      let variance = squares / Double(errors.count) - mean * mean
      // Errors that are all the same but for rounding have no distribution to stand out of.
      guard variance > 1e-12 * mean * mean else { return 0 }
      let judged = min(recent, errors.count)
      var latest = 0.0
      for back in 1...judged {
        latest += Double(errors[(next - back + errors.count) % errors.count])
      }
      return (latest / Double(judged) - mean) / variance.squareRoot()
    }
  }

  /// Takes the value that came and the forecast of the one to come; returns the value's score.
  package func step(value: Float, forecast: Float, _ state: inout State) -> Float {
    defer { state.forecast = forecast }
    guard let said = state.forecast else { return 0 }
    let error = abs(value - said)
    // An error that is no number would spoil the sums for good.
    guard error.isFinite else { return 0 }
    state.add(error, window: window)
    guard state.count >= warmUp else { return 0 }
    return AnomalyScore.score(deviation: state.deviation(recent: recent))
  }

  /// `ln(erfc(z / sqrt 2) / 2) / ln 1e-10`, at most 1; 0 for z at or below 0.
  ///
  /// The Chebyshev fit of erfc in Press et al., "Numerical Recipes" (`erfcc`, fractional error below
  /// 1.2e-7), by operations that are exact everywhere: the same bits on every machine.
  static func score(deviation: Double) -> Float {
    guard deviation > 0 else { return 0 }
    let z = deviation * 0.5.squareRoot()
    let t = 1 / (1 + 0.5 * z)
    let coefficients = [
      0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418,
      0.37409196, 1.00002368, -1.26551223,
    ]
    let fit = coefficients.reduce(0) { $0 * t + $1 }
    let logarithm = fit - z * z + Double(Arithmetic.logarithm(Float(t))) - 0.693_147_180_559_945_3
    return Float(min(1, max(0, logarithm / -23.025_850_929_940_457)))
  }
}

// MARK: Portable bytes

extension AnomalyScore.State {
  package struct Malformed: Error {}

  /// Whether nothing was seen yet.
  package var isEmpty: Bool { forecast == nil && count == 0 }

  /// Little-endian: whether there is a forecast, the forecast, the place in the ring, the two sums,
  /// then the ring.
  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = [forecast == nil ? 0 : 1]
    func put(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    put((forecast ?? 0).bitPattern)
    put(UInt64(next))
    put(sum.bitPattern)
    put(squares.bitPattern)
    for error in errors { put(error.bitPattern) }
    return bytes
  }

  /// - Throws: `Malformed` for bytes that are no such state.
  package init(decoding bytes: [UInt8]) throws {
    guard bytes.count >= 29, (bytes.count - 29) % 4 == 0 else { throw Malformed() }
    func word<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type) -> Value {
      bytes.withUnsafeBytes {
        Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
      }
    }
    if bytes[0] != 0 { forecast = Float(bitPattern: word(1, UInt32.self)) }
    sum = Double(bitPattern: word(13, UInt64.self))
    squares = Double(bitPattern: word(21, UInt64.self))
    errors = stride(from: 29, to: bytes.count, by: 4).map {
      Float(bitPattern: word($0, UInt32.self))
    }
    guard let place = Int(exactly: word(5, UInt64.self)), place <= errors.count else {
      throw Malformed()
    }
    next = place
  }
}
