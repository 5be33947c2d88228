import Recurrence
import Wire

/// One recorded step: a line `{"t":n,"x":[...]}`, with `"y":[...]` where the answer is known.
///
/// A line `{"t":n,"k":i,"y":[...]}` without x is a row that a one-to-many model gives at the end.
package struct RecordedStep {
  /// For messages: the file and the line.
  let place: String
  private(set) var t: UInt64?
  private var id: Int32?
  private var values: [Float] = []
  private(set) var hasInput = false
  /// The answer that was recorded with it.
  private(set) var answer: [Float]?

  /// Reads the lines of a file; other keys than these are ignored, and so are empty lines.
  ///
  /// - Throws: `BadLine`.
  package static func lines(of text: String, file: String) throws -> [RecordedStep] {
    var steps: [RecordedStep] = []
    for (index, line) in TextFile.lines(of: text).enumerated()
    where !line.allSatisfy(\.isWhitespace) {
      steps.append(try RecordedStep(line, place: "\(file):\(index + 1)"))
    }
    return steps
  }

  private init(_ line: String, place: String) throws {
    self.place = place
    var line = line
    do {
      try line.withUTF8 { try read(UnsafeRawBufferPointer($0)) }
    } catch let error as JSONError {
      throw BadLine("\(place): \(error)")
    }
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
    var reader = JSONReader(bytes, maximumDepth: 64)
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "t": t = try reader.unsignedInteger()
      case "x":
        hasInput = true
        if reader.peek() == UInt8(ascii: "[") {
          try reader.array { (reader) throws(JSONError) in values.append(try reader.float()) }
        } else {
          id = Int32(truncatingIfNeeded: try reader.unsignedInteger())
        }
      case "y" where reader.peek() == UInt8(ascii: "["):
        var row: [Float] = []
        try reader.array { (reader) throws(JSONError) in row.append(try reader.float()) }
        answer = row
      default: try reader.skip()
      }
    }
    try reader.finish()
  }

  /// Adds the step to a batch; `hasInput` must be true.
  ///
  /// - Throws: `BadLine` when it does not fit the model.
  func append(to batch: inout StepBatch, _ state: StreamState, _ model: Model) throws {
    let expected =
      switch model.input {
      case .tokens(let vocabulary): "a token id of 0 to \(vocabulary - 1)"
      case .vectors(let width): "a list of \(width) numbers"
      }
    switch (model.input, id) {
    case (.tokens(let bound), let id?), (.vectors(let bound), let id?):
      guard (0..<bound).contains(Int(id)) else {
        throw BadLine("\(place): x is \(id), expected \(expected)")
      }
      batch.append(state, token: id)
    case (.vectors(let width), nil) where values.count == width:
      guard values.allSatisfy(\.isFinite) else {
        throw BadLine("\(place): x holds a number that is not finite")
      }
      values.withUnsafeBufferPointer { batch.append(state, vector: $0) }
    default:
      throw BadLine(
        "\(place): x is a list of \(values.count) numbers, expected \(expected)")
    }
  }
}

extension RecordedStep {
  /// Steps with random inputs for a model, the same in every run.
  package static func random(_ count: Int, for model: Model) -> [RecordedStep] {
    var generator = SplitMix64(seed: 1)
    return (0..<count).map { index in
      var step = RecordedStep(place: "random step \(index)")
      step.t = UInt64(index)
      step.hasInput = true
      switch model.input {
      case .tokens(let vocabulary): step.id = Int32(generator.next() % UInt64(vocabulary))
      case .vectors(let width):
        step.values = (0..<width).map { _ in Float.random(in: -1...1, using: &generator) }
      }
      return step
    }
  }

  private init(place: String) { self.place = place }
}
