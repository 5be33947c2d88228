/// A tensor as it stands in a file, converted to 32-bit floats.
struct Tensor: Sendable, Equatable {
  /// For messages, and to see that it is the one expected: "lstm/kernel:0", or "0" in Keras 3.
  let name: String
  let shape: [Int]
  /// Row-major.
  let values: [Float]
}
