import Recurrence
import Tokenization

/// What becomes of a model's output vector before it is an answer.
package struct OutputForm: Sendable {
  /// Brings outputs of a model trained on scaled targets back: value * scale + mean.
  package var scaling: ValueScaling?
  /// With an anomaly score, which is one more value at the end of each row.
  package var anomaly: Anomaly?

  package struct Anomaly: Sendable {
    package var score: AnomalyScore
    /// Which value of a step, and which value of the answer before, are compared.
    package var input: Int
    package var output: Int
    /// The tokenizer's scaling: errors are in the client's units.
    package var inputScaling: ValueScaling?
  }

  package init(scaling: ValueScaling? = nil, anomaly: Anomaly? = nil) {
    self.scaling = scaling
    self.anomaly = anomaly
  }

  var isPlain: Bool { scaling == nil && anomaly == nil }

  /// Values of an answer to which the model gives `width`.
  package func width(of width: Int) -> Int { anomaly == nil ? width : width + 1 }

  /// Makes an answer of one output row, in place; `values` is the step's input, as the model got it.
  func finish(
    _ row: inout [Float], values: ArraySlice<Float>, _ state: inout AnomalyScore.State
  ) {
    scaling?.undo(on: &row)
    guard let anomaly else { return }
    var value = values[values.startIndex + anomaly.input]
    if let scaling = anomaly.inputScaling {
      value = scaling.mean[anomaly.input].addingProduct(value, scaling.scale[anomaly.input])
    }
    row.append(anomaly.score.step(value: value, forecast: row[anomaly.output], &state))
  }
}
