/// Floats that are the same in every run: SplitMix64.
struct RandomFloats: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A multiple of 2^-23 from -`limit` up to `limit`.
  mutating func float(_ limit: Float) -> Float {
    (Float(next() >> 40) / 8_388_608 - 1) * limit
  }

  mutating func floats(_ count: Int, limit: Float = 1) -> [Float] {
    (0..<count).map { _ in float(limit) }
  }

  /// A whole number from 0, below `limit`.
  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
