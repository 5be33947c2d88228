/// What the gates of one recurrent layer were at one step, by the plain layers.
package struct LayerGates: Sendable, Equatable {
  package let layerIndex: Int
  package let layerName: String
  /// `["i", "f", "g", "o"]` of an LSTM, `["z", "r", "h"]` of a GRU.
  package let names: [String]
  /// Values of each gate.
  package let units: Int
  /// Gate after gate, in the order of `names`.
  package let values: [Float]
}
