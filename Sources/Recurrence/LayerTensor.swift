/// One weight of a layer as it was given, with the shape it should have: what `Model` checks.
struct LayerTensor {
  /// The Keras name, for example `recurrent_kernel`.
  let name: String
  let expected: [Int]
  let received: [Int]
  /// Nil where the model checks them when it packs them.
  let values: [Float]?

  init(_ name: String, _ values: [Float], expected: Int) {
    self.name = name
    self.expected = [expected]
    self.received = [values.count]
    self.values = values
  }

  init(_ name: String, _ matrix: Matrix, expected: [Int]) {
    self.name = name
    self.expected = expected
    self.received = [matrix.rows, matrix.columns]
    self.values = matrix.source == nil ? matrix.values : nil
  }

  init(_ name: String, shape: [Int], values: [Float], expected: [Int]) {
    self.name = name
    self.expected = expected
    self.received = shape
    self.values = values
  }

  /// How many values it has.
  var count: Int { received.reduce(1, *) }
}
