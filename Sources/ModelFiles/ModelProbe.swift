import Recurrence

/// Inputs and the answers that a model gave to them when it was converted, kept in its own file.
package struct ModelProbe: Sendable {
  /// Token ids, or vectors one after the other.
  let inputs: [Float]
  /// All values of the answers, one after the other.
  package let expected: [Float]

  package init(inputs: [Float], expected: [Float]) {
    self.inputs = inputs
    self.expected = expected
  }

  /// What a model answers to the inputs, as `expected`; nil if they do not fit it.
  package func answers(of model: Model) -> [Float]? {
    MillraceModelFile.answers(of: model, to: inputs)
  }
}
