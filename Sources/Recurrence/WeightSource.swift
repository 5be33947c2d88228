/// Where the rows of a matrix are read from when a model is packed, so that they need not all be in
/// memory at once beside the packed form.
package protocol WeightSource: Sendable {
  /// How many rows are read at a time; the last block may have fewer.
  var rowsPerBlock: Int { get }

  /// Fills `rows` with a block's rows, and checks that they are what was written.
  ///
  /// Threads may read at once.
  func read(
    block: Int, into rows: UnsafeMutableBufferPointer<Float>
  ) throws(WeightSourceError)
}

/// Weights cannot be read, or are not what was written.
package struct WeightSourceError: Error {
  /// Goes on after the name of the tensor: "is damaged".
  package let reason: String

  package init(reason: String) { self.reason = reason }
}
