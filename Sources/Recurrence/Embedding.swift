/// Keras' `Embedding`: a token id becomes its row of weights.
package struct Embedding: Sendable {
  package let name: String
  /// `[vocabulary, width]`.
  package let embeddings: Matrix
  /// Whether id 0 is padding, whose steps are masked.
  package let maskZero: Bool

  package init(name: String, embeddings: Matrix, maskZero: Bool) {
    self.name = name
    self.embeddings = embeddings
    self.maskZero = maskZero
  }

  package var vocabulary: Int { embeddings.rows }
  package var width: Int { embeddings.columns }

  /// Copies a token's row; returns whether the step is masked.
  ///
  /// - Precondition: `0 <= token < vocabulary`.
  package func step(token: Int32, output: UnsafeMutablePointer<Float>) -> Bool {
    let row = Int(token)
    precondition(row >= 0 && row < vocabulary, "token \(row) is not in 0..<\(vocabulary)")
    embeddings.values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      output.update(from: start + row * width, count: width)
    }
    return maskZero && token == 0
  }

  var tensors: [LayerTensor] {
    [LayerTensor("embeddings", embeddings, expected: [vocabulary, width])]
  }

  var options: [LayerOption] {
    [.count("input_dim", vocabulary), .count("output_dim", width)]
  }
}
