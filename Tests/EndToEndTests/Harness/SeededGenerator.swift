import Foundation

/// Chance that can be repeated: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// A new seed each run, printed; `MILLRACE_TEST_SEED` repeats one.
  static func fresh(for test: String) -> SeededGenerator {
    let given = ProcessInfo.processInfo.environment["MILLRACE_TEST_SEED"].flatMap(UInt64.init)
    let generator = SeededGenerator(seed: given ?? UInt64.random(in: 1...999_999_999))
    print("\(test): MILLRACE_TEST_SEED=\(generator.seed)")
    return generator
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
