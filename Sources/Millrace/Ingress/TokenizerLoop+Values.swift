import Tokenization
import Wire

/// Rows of numbers and frames, from a payload to steps.
extension TokenizerLoop {
  func encodeValues(
    _ payload: UnsafeRawBufferPointer, _ header: Header, _ features: ValueFeatures,
    for stream: IngressStream
  ) throws {
    let rows = [Float](copying: payload)
    try checkWidth(header, features.inputWidth)
    step.width = features.outputWidth
    // Of a message that comes again in part, the rows before are left out.
    let first = header.end - UInt64(rows.count / features.inputWidth)
    var ends: [Int] = []
    do {
      try features.feed(rows, carry: &stream.valueCarry, into: &step.values, ends: &ends)
    } catch {
      step.removeAll()
      throw RefusedMessage(error, first: first)
    }
    if features.changesCount { step.valueEnds += ends.map { first + UInt64($0) } }
  }

  func encodeFrames(
    _ payload: UnsafeRawBufferPointer, _ header: Header, _ features: FrameFeatures
  ) throws {
    try checkWidth(header, features.inputWidth)
    step.width = features.outputWidth
    guard header.elementType == .float32 else {
      return features.append(payload.map(Float.init), to: &step.values)
    }
    let pixels = [Float](copying: payload)
    if let index = pixels.firstIndex(where: { !$0.isFinite }) {
      let first = header.end - UInt64(pixels.count / features.inputWidth)
      throw RefusedMessage(
        ValueRefusal.notFinite(
          row: index / features.inputWidth, column: index % features.inputWidth,
          value: pixels[index]), first: first)
    }
    features.append(pixels, to: &step.values)
  }

  private func checkWidth(_ header: Header, _ width: Int) throws {
    guard header.count == 0 || Int(header.width) == width else {
      throw RefusedMessage(
        .badShape, expected: "\(width)", received: "\(header.width)",
        message: "a step has \(header.width) values; this pipeline takes \(width)")
    }
  }
}

extension RefusedMessage {
  /// A refusal of rows; `first` is the number of the first of them.
  init(_ refusal: ValueRefusal, first: UInt64) {
    func number(_ row: Int) -> UInt64 { first + UInt64(row) }
    switch refusal {
    case .notFinite(let row, let column, let value):
      self.init(
        .notFinite, expected: "finite numbers", received: "\(value)",
        message: "value \(column) of number \(number(row)) is \(value)")
    case .nothingBefore(let row, let column):
      self.init(
        .notFinite, expected: "a finite number first", received: "nan",
        message:
          "value \(column) of number \(number(row)) is nan, and the stream has none before it")
    case .notLater(let row, let time, let last):
      self.init(
        .badShape, expected: "a time after \(Float(last))", received: "\(Float(time))",
        message: "number \(number(row)) has time \(Float(time)), which is not after \(Float(last))")
    case .longGap(let row, let time, let last, let limit):
      self.init(
        .tooManySteps, expected: "at most \(limit) steps between two rows", received: "more",
        message:
          "from time \(Float(last)) to \(Float(time)) of number \(number(row)) there are more than \(limit) "
          + "steps; send RESET, or raise resample.gap")
    }
  }
}
