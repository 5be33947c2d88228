/// Keras' `Activation`, `Softmax`, `ReLU` and their like: one function on each row.
package struct ActivationLayer: Sendable {
  package let name: String
  package let activation: Activation

  package init(name: String, activation: Activation) {
    self.name = name
    self.activation = activation
  }

  /// One row of `width` values.
  package func step(
    input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, width: Int
  ) {
    output.update(from: input, count: width)
    activation.apply(to: output, count: width)
  }
}
