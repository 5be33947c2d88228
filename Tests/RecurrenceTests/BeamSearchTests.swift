import Testing

@testable import Recurrence

/// Beam search on distributions that depend on what was drawn.
struct BeamSearchTests {
  /// The distribution behind some tokens: any, but always the same.
  private func row(_ tokens: [Int32]) -> [Float] {
    var random = SplitMix64(seed: tokens.reduce(7) { $0 &* 31 &+ UInt64($1 + 1) })
    let weights = (0..<4).map { _ in Float(random.unit() + 0.01) }
    return weights.map { $0 / weights.reduce(0, +) }
  }

  private func search(
    width: Int, power: Float, steps: Int, until: Int32?
  ) -> [Int32] {
    var search = BeamSearch(.init(width: width, lengthPower: power), steps: steps, until: until)
    var live: [[Int32]] = [[]]
    while !live.isEmpty {
      let branches = search.advance(live.map(row))
      live = branches.map { live[$0.parent] + [$0.token] }
    }
    let best = search.best
    // Each answer comes with the distribution that it was chosen from.
    for place in best.indices {
      #expect(best[place].row == row(best[..<place].map(\.token)))
    }
    return best.map(\.token)
  }

  /// Every sequence, with the sum of its logarithms.
  private func all(steps: Int, until: Int32?) -> [(tokens: [Int32], sum: Double)] {
    var open: [(tokens: [Int32], sum: Double)] = [([], 0)]
    var closed: [(tokens: [Int32], sum: Double)] = []
    for _ in 0..<steps {
      let next = open.flatMap { sequence in
        row(sequence.tokens).enumerated().map { token, probability in
          (
            sequence.tokens + [Int32(token)],
            sequence.sum + Double(Arithmetic.logarithm(probability))
          )
        }
      }
      closed += next.filter { $0.0.last == until }
      open = next.filter { $0.0.last != until }
    }
    return closed + open
  }

  /// Wide enough, it finds the best of all sequences.
  @Test(arguments: [(0, nil), (0, 2), (1, 2), (0.5, 0)] as [(Float, Int32?)])
  func aWideBeamFindsTheBest(power: Float, until: Int32?) throws {
    let steps = 4
    let best = try #require(
      all(steps: steps, until: until).max { a, b in
        func score(_ sequence: (tokens: [Int32], sum: Double)) -> Double {
          var divisor = 1.0
          if power == 1 { divisor = Double(sequence.tokens.count) }
          if power == 0.5 { divisor = Double(sequence.tokens.count).squareRoot() }
          return sequence.sum / divisor
        }
        return score(a) < score(b)
      })
    #expect(
      search(width: 256, power: power, steps: steps, until: until)
        == best.tokens.filter { $0 != until })
  }

  @Test func aBeamOfOneIsGreedy() {
    var greedy: [Int32] = []
    var random = SplitMix64(seed: 0)
    for _ in 0..<6 {
      let token = row(greedy).withUnsafeBufferPointer {
        Sampler(method: .greedy).token(of: $0, &random)
      }
      greedy.append(token)
    }
    #expect(search(width: 1, power: 0, steps: 6, until: nil) == greedy)
  }
}
