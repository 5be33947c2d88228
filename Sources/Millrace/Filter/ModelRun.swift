import Foundation
import ModelFiles
import Recurrence
import Wire

/// Runs a model file alone over recorded steps: `{"t":n,"x":[...]}` in, `{"t":n,"y":[...]}` out.
///
/// The y of a line is the model's answer for the prefix up to t; a one-to-many model gives its rows
/// behind the last x, as `{"t":T,"k":0,"y":[...]}`.
package enum ModelRun {
  /// Runs the lines of a file.
  ///
  /// Keys beside t and x are ignored, lines without x skipped; `print` gets each output line with
  /// its newline, and `file` is for messages.
  ///
  /// - Throws: a `BadLine`.
  package static func run(
    _ model: Model, lines: String, file: String, print: ([UInt8]) throws -> Void
  ) throws {
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: 1)
    var steps = 0
    var line: [UInt8] = []
    for step in try RecordedStep.lines(of: lines, file: file) where step.hasInput {
      batch.removeAll()
      try step.append(to: &batch, state, model)
      model.step(&batch)
      steps += 1
      guard model.shape.answersEachStep else { continue }
      line.removeAll(keepingCapacity: true)
      append(t: step.t ?? UInt64(steps - 1), k: nil, row: Array(batch.output(0)), to: &line)
      try print(line)
    }
    // No step, no sequence to answer.
    guard !model.shape.answersEachStep, steps > 0 else { return }
    let rows = model.decode(state)
    for k in 0..<rows.rows {
      line.removeAll(keepingCapacity: true)
      append(t: UInt64(steps), k: k, row: rows.row(k), to: &line)
      try print(line)
    }
  }

  private static func append(t: UInt64, k: Int?, row: [Float], to line: inout [UInt8]) {
    line.append(contentsOf: "{\"t\":\(t)".utf8)
    if let k { line.append(contentsOf: ",\"k\":\(k)".utf8) }
    line.append(contentsOf: ",\"y\":[".utf8)
    for (index, value) in row.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      JSONText.append(value, to: &line)
    }
    line.append(contentsOf: "]}\n".utf8)
  }
}
