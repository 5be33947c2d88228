import Testing

@testable import Recurrence

/// Drawing tokens from a distribution.
struct SamplerTests {
  private func draw(
    _ sampler: Sampler, _ row: [Float], count: Int = 1, seed: UInt64 = 1
  ) -> [Int32] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in row.withUnsafeBufferPointer { sampler.token(of: $0, &random) } }
  }

  /// How often each token is drawn, of 20,000.
  private func shares(_ sampler: Sampler, _ row: [Float]) -> [Double] {
    let tokens = draw(sampler, row, count: 20_000, seed: 5)
    return row.indices.map { index in
      Double(tokens.count { $0 == Int32(index) }) / Double(tokens.count)
    }
  }

  @Test func greedyTakesTheFirstOfTheLargest() {
    #expect(draw(Sampler(method: .greedy), [0.1, 0.4, 0.4, 0.1], count: 3) == [1, 1, 1])
  }

  @Test func aSeedGivesTheSameTokens() {
    let sampler = Sampler(method: .temperature)
    let row: [Float] = [0.25, 0.25, 0.25, 0.25]
    #expect(draw(sampler, row, count: 50) == draw(sampler, row, count: 50))
    #expect(draw(sampler, row, count: 50) != draw(sampler, row, count: 50, seed: 2))
  }

  /// `p^(1/T)` over their sum, by hand.
  private static let expectations: [(sampler: Sampler, expected: [Double])] = [
    (Sampler(method: .temperature), [0.5, 0.3, 0.2]),
    (Sampler(method: .temperature, temperature: 0.5), [25.0 / 38, 9.0 / 38, 4.0 / 38]),
    (Sampler(method: .temperature, temperature: 2), [0.4154, 0.3218, 0.2628]),
    (Sampler(method: .topK(2)), [0.625, 0.375, 0]),
    (Sampler(method: .topK(1), temperature: 9), [1, 0, 0]),
    (Sampler(method: .topK(99)), [0.5, 0.3, 0.2]),
    (Sampler(method: .topP(0.4)), [1, 0, 0]),
    (Sampler(method: .topP(0.6)), [0.625, 0.375, 0]),
    (Sampler(method: .topP(1)), [0.5, 0.3, 0.2]),
  ]

  @Test(arguments: expectations)
  func tokensAreDrawnByTheirShare(sampler: Sampler, expected: [Double]) {
    for (share, wanted) in zip(shares(sampler, [0.5, 0.3, 0.2]), expected) {
      // Five standard deviations of 20,000 draws.
      #expect(abs(share - wanted) < 0.018, "\(share) \(wanted)")
      #expect(wanted > 0 || share == 0)
    }
  }

  @Test func noChanceForZero() {
    #expect(shares(Sampler(method: .temperature, temperature: 50), [0, 1, 0]) == [0, 1, 0])
  }

  /// The reference implementation's first numbers for seed 1234567 (prng.di.unimi.it/splitmix64.c).
  @Test func splitMixIsVignas() {
    var random = SplitMix64(seed: 1_234_567)
    #expect(random.next() == 6_457_827_717_110_365_317)
    #expect(random.next() == 3_203_168_211_198_807_973)
    #expect(random.next() == 9_817_491_932_198_370_423)
  }
}
