/// Keras' `Rescaling`, and products and sums with constants: `fma(x, scale, offset)` for each value.
package struct Scaling: Sendable {
  package let name: String
  /// `[width]`.
  package let scale: [Float]
  /// `[width]`.
  package let offset: [Float]

  package init(name: String, scale: [Float], offset: [Float]) {
    self.name = name
    self.scale = scale
    self.offset = offset
  }

  package var width: Int { scale.count }

  /// One row of `width` values.
  package func step(input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
    for i in 0..<width { output[i] = Arithmetic.fused(input[i], scale[i], offset[i]) }
  }

  var tensors: [LayerTensor] {
    [
      LayerTensor("scale", scale, expected: width), LayerTensor("offset", offset, expected: width),
    ]
  }

  var options: [LayerOption] { [.count("width", width)] }
}
