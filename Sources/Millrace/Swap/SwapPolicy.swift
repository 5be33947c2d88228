/// What becomes of live streams when another model is swapped in.
package enum SwapPolicy: String, CaseIterable, Sendable, Codable {
  /// Each goes on with its h and c: the models have the same rows of state.
  case carry
  /// Each goes on from zero h and c.
  case reset
  /// Lives that are open end on the model before; new ones begin on the new one.
  case drain
  /// Each goes on from what its last inputs, replayed, make of zeros.
  case rewarm
  /// None goes over: the new model follows beside, and how it differs is told.
  case shadow
}
