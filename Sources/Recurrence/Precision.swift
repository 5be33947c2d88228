/// The number format in which recurrent layers keep their weights and multiply.
///
/// States, gates, sums and all other layers are f32 in each of them.
package enum Precision: String, Sendable, CaseIterable {
  /// The same bits on every instruction set.
  case f32
  /// Weights in bf16, and activations too where there is a dot instruction. The one format whose
  /// bits may differ between instruction sets.
  case bf16
  /// Weights in 8 bits with a scale for each column; x and h in 8 bits with a scale for each step.
  /// The sums are exact integers: the same bits on every instruction set.
  case int8
}
