/// Keras' `Masking`: a row whose every value equals `maskValue` is masked, and becomes zeros.
package struct Masking: Sendable {
  package let name: String
  package let maskValue: Float

  package init(name: String, maskValue: Float) {
    self.name = name
    self.maskValue = maskValue
  }

  /// Copies a row, or zeros if it is masked; returns whether it is.
  package func step(
    input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, width: Int
  ) -> Bool {
    var i = 0
    while i < width {
      if input[i] != maskValue {
        output.update(from: input, count: width)
        return false
      }
      i += 1
    }
    output.update(repeating: 0, count: width)
    return true
  }

  var options: [LayerOption] {
    [
      LayerOption(
        name: "mask_value", expected: "a number", received: "\(maskValue)",
        isSound: !maskValue.isNaN)
    ]
  }
}
