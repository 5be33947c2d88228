import Foundation
import Testing

@testable import Recurrence

/// The anomaly score, beside the textbook's way to compute it.
struct AnomalyScoreTests {
  @Test func theTailIsThatOfTheNormalDistribution() {
    for step in 1...6500 {
      let deviation = Double(step) / 1000
      let tail = 0.5 * erfc(deviation / 2.0.squareRoot())
      let expected = min(1, log(tail) / log(1e-10))
      let score = AnomalyScore.score(deviation: deviation)
      #expect(abs(Double(score) - expected) < 1e-6, "at \(deviation)")
    }
    #expect(AnomalyScore.score(deviation: 40) == 1)
    #expect(AnomalyScore.score(deviation: .infinity) == 1)
    #expect(AnomalyScore.score(deviation: 0) == 0)
    #expect(AnomalyScore.score(deviation: -3) == 0)
  }

  /// Mean and deviation of the window computed anew at each step, in another order.
  @Test(arguments: [(10, 1, 2), (50, 5, 20), (300, 8, 100)])
  func aRollingWindowIsTheWindow(window: Int, recent: Int, warmUp: Int) {
    let score = AnomalyScore(window: window, recent: recent, warmUp: warmUp)
    var state = AnomalyScore.State()
    var random = SplitMix64(seed: 7)
    var errors: [Double] = []
    var forecast: Float?
    for step in 0..<1500 {
      // Calm, then wild, then calm: sums that were large must leave nothing behind.
      let size = (500..<600).contains(step) ? 1e6 : 1.0
      let value = Float(size * random.unit())
      if let forecast { errors.append(Double(abs(value - forecast))) }
      let next = Float(random.unit())
      let received = score.step(value: value, forecast: next, &state)
      forecast = next
      let last = errors.suffix(window)
      var expected: Float = 0
      if last.count >= warmUp {
        let mean = last.reduce(0, +) / Double(last.count)
        let variance = last.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(last.count)
        let latest = errors.suffix(recent).reduce(0, +) / Double(recent)
        expected = AnomalyScore.score(deviation: (latest - mean) / variance.squareRoot())
      }
      #expect(abs(received - expected) < 1e-4, "step \(step)")
    }
  }

  @Test func errorsThatAreAllTheSameSayNothing() {
    let score = AnomalyScore(window: 10, recent: 1, warmUp: 2)
    var state = AnomalyScore.State()
    for _ in 0..<100 { #expect(score.step(value: 0.3, forecast: 0.1, &state) == 0) }
  }

  @Test func aForecastThatIsNoNumberSpoilsNothing() {
    let score = AnomalyScore(window: 10, recent: 1, warmUp: 2)
    var state = AnomalyScore.State()
    for value in [0.1, 0.2, 0.4, 0.3] as [Float] {
      _ = score.step(value: value, forecast: value * 1.5, &state)
    }
    _ = score.step(value: 0.2, forecast: .nan, &state)
    #expect(score.step(value: 0.2, forecast: 0, &state) == 0)
    #expect(score.step(value: 100, forecast: 0, &state) > 0)
  }

  /// As after a change of the pipeline file, or in another daemon.
  @Test(arguments: [(20, 12), (20, 20), (20, 33), (5, 3), (5, 5), (5, 7), (8, 20)])
  func errorsOfAnotherWindowAreTheNewestOfThem(window: Int, count: Int) throws {
    let score = AnomalyScore(window: 8, recent: 2, warmUp: 2)
    let other = AnomalyScore(window: window, recent: 2, warmUp: 2)
    var random = SplitMix64(seed: 7)
    var written = AnomalyScore.State()
    var values: [Float] = []
    for _ in 0...count {
      values.append(Float(random.unit()))
      _ = other.step(value: values.last ?? 0, forecast: 0, &written)
    }
    var state = try AnomalyScore.State(decoding: written.encoded())
    // One that had no more errors than both windows hold.
    var expected = AnomalyScore.State()
    for value in values.suffix(min(count, window, 8) + 1) {
      _ = score.step(value: value, forecast: 0, &expected)
    }
    for step in 0..<30 {
      let value = Float(random.unit())
      let answer = score.step(value: value, forecast: 0, &state)
      let wanted = score.step(value: value, forecast: 0, &expected)
      #expect(abs(answer - wanted) < 1e-4, "step \(step)")
    }
  }
}
