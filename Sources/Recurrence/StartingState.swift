/// Starts the recurrent layer behind it from values other than zeros: ONNX' `initial_h`, `initial_c`.
///
/// At a stream's first step it writes them into that layer's state; rows pass unchanged. Its own
/// state says whether it has.
package struct StartingState: Sendable {
  /// The row of its own state that says whether it has written them.
  static let doneName = "is_done"

  package let name: String
  package let h: [Float]
  /// For an LSTM.
  package let c: [Float]?

  package init(name: String, h: [Float], c: [Float]?) {
    self.name = name
    self.h = h
    self.c = c
  }

  /// Writes the values on the first call.
  ///
  /// - Parameters:
  ///   - isDone: one value, 0 before the first step.
  ///   - state: the first row of the next layer; c is the row behind h.
  package func step(isDone: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>) {
    guard isDone[0] == 0 else { return }
    isDone[0] = 1
    state.update(from: h, count: h.count)
    guard let c else { return }
    (state + AlignedFloats.padded(h.count)).update(from: c, count: c.count)
  }

  var tensors: [LayerTensor] {
    [LayerTensor("initial_h", h, expected: h.count)]
      + (c.map { [LayerTensor("initial_c", $0, expected: $0.count)] } ?? [])
  }
}
