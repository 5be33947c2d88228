/// A model that a pipeline has served, or serves: the first one and each that was swapped in.
///
/// What a stream's state belongs to is a generation, a number that grows with every swap.
package struct ModelRecord: Equatable, Sendable, Codable {
  /// 0 for the model that the pipeline began with.
  package var generation: UInt64
  /// How streams came to it: the word of the swap; empty for the first.
  package var policy: String
  package var path: String
  /// `sha256:` and 64 digits.
  package var hash: String
  /// Whether no stream and no input needs it any more.
  package var isReleased = false

  package init(generation: UInt64, policy: String, path: String, hash: String) {
    self.generation = generation
    self.policy = policy
    self.path = path
    self.hash = hash
  }
}
