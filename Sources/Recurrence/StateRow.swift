/// One row of a stream's state: where it is and whose.
package struct StateRow: Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// The hidden state of a recurrent layer.
    case h
    /// The cell state of an LSTM.
    case c
    /// An input that a Conv1D was given so many steps ago.
    case past(stepsAgo: Int)
    /// A running value of a layer: its sum, its count of steps.
    case value(String)
  }

  package let layerIndex: Int
  package let layerName: String
  package let kind: Kind
  /// The first float of the row in the padded buffer; a multiple of 16.
  package let offset: Int
  /// Floats of the row, without padding.
  package let width: Int
}
