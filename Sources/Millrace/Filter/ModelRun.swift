import Foundation
import ModelFiles
import Recurrence
import Wire

/// Runs a model file alone over recorded steps: `{"t":n,"x":[...]}` in, `{"t":n,"y":[...]}` out.
///
/// The y of a line is the model's answer for the prefix up to t; a one-to-many model gives its rows
/// behind the last x, as `{"t":T,"k":0,"y":[...]}`.
package enum ModelRun {
  /// A line of the input that cannot be run.
  package struct BadLine: Error, CustomStringConvertible {
    package let description: String
  }

  /// Runs the lines of a file.
  ///
  /// Keys beside t and x are ignored, lines without x skipped; `print` gets each output line with
  /// its newline, and `file` is for messages.
  ///
  /// - Throws: `BadLine`.
  package static func run(
    _ model: Model, lines: String, file: String, print: ([UInt8]) -> Void
  ) throws {
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: 1)
    var steps = 0
    var line: [UInt8] = []
    for (index, text) in lines.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let place = "\(file):\(index + 1)"
      guard !text.allSatisfy(\.isWhitespace), let step = try Step(text, place: place) else {
        continue
      }
      batch.removeAll()
      try step.append(to: &batch, state, model, place: place)
      model.step(&batch)
      steps += 1
      guard model.shape.answersEachStep else { continue }
      line.removeAll(keepingCapacity: true)
      append(t: step.t ?? UInt64(steps - 1), k: nil, row: Array(batch.output(0)), to: &line)
      print(line)
    }
    guard !model.shape.answersEachStep else { return }
    let rows = model.decode(state)
    for k in 0..<rows.rows {
      line.removeAll(keepingCapacity: true)
      append(t: UInt64(steps), k: k, row: rows.row(k), to: &line)
      print(line)
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

  /// One line of the input.
  private struct Step {
    var t: UInt64?
    var id: Int32?
    var values: [Float] = []

    /// Nil for a line without an x.
    init?(_ text: Substring, place: String) throws {
      var text = text
      let hasX: Bool
      do {
        hasX = try text.withUTF8 { try read(UnsafeRawBufferPointer($0)) }
      } catch let error as JSONError {
        throw BadLine(description: "\(place): \(error)")
      }
      guard hasX else { return nil }
    }

    /// Reads the line's members; returns whether there is an x.
    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(JSONError) -> Bool {
      var hasX = false
      var reader = JSONReader(bytes, maximumDepth: 64)
      try reader.object { (key, reader) throws(JSONError) in
        switch key {
        case "t": t = try reader.unsignedInteger()
        case "x":
          hasX = true
          if reader.peek() == UInt8(ascii: "[") {
            try reader.array { (reader) throws(JSONError) in
              values.append(try reader.float())
            }
          } else {
            id = Int32(truncatingIfNeeded: try reader.unsignedInteger())
          }
        default: try reader.skip()
        }
      }
      try reader.finish()
      return hasX
    }

    func append(
      to batch: inout StepBatch, _ state: StreamState, _ model: Model, place: String
    ) throws {
      let expected =
        switch model.input {
        case .tokens(let vocabulary): "a token id of 0 to \(vocabulary - 1)"
        case .vectors(let width): "a list of \(width) numbers"
        }
      switch (model.input, id) {
      case (.tokens(let bound), let id?), (.vectors(let bound), let id?):
        guard (0..<bound).contains(Int(id)) else {
          throw BadLine(description: "\(place): x is \(id), expected \(expected)")
        }
        batch.append(state, token: id)
      case (.vectors(let width), nil) where values.count == width:
        guard values.allSatisfy(\.isFinite) else {
          throw BadLine(description: "\(place): x holds a number that is not finite")
        }
        values.withUnsafeBufferPointer { batch.append(state, vector: $0) }
      default:
        throw BadLine(
          description: "\(place): x is a list of \(values.count) numbers, expected \(expected)")
      }
    }
  }
}
