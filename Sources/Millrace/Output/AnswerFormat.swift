import Wire

/// Turns one answer into its output line: a pure function, so that the sink's lines and the
/// replies of the ingress are the same bytes.
///
/// Keys in the order stream, number, token, label, score, top, values, anomaly, end; no clock.
package struct AnswerFormat: Sendable {
  /// Class names as JSON strings; empty when there are none or the output is no distribution.
  private let labels: [[UInt8]]
  /// The same as they are.
  let labelNames: [String]
  private let top: Int
  private let showsValues: Bool
  /// Token id -> its text as a JSON string; nil in pipelines without text.
  private let tokenText: (@Sendable (Int32) -> [UInt8])?
  /// Whether the last value of a row is its anomaly score.
  private let hasAnomaly: Bool

  /// `labels` is empty for an output that is no distribution over classes; `tokenText` gives the
  /// text of a token id, for text pipelines.
  package init(
    labels: [String], top: Int, showsValues: Bool,
    tokenText: (@Sendable (Int32) -> String)?, hasAnomaly: Bool = false
  ) {
    self.hasAnomaly = hasAnomaly
    self.labels = labels.map { Array(JSONText.quoted($0).utf8) }
    labelNames = labels
    self.top = top
    // Without labels the numbers are all there is to say.
    self.showsValues = showsValues || labels.isEmpty
    if let tokenText {
      self.tokenText = { id in Array(JSONText.quoted(tokenText(id)).utf8) }
    } else {
      self.tokenText = nil
    }
  }

  /// Whether rows of so many values can be answers of this pipeline.
  func fits(width: Int) -> Bool {
    labels.isEmpty || labels.count == width - (hasAnomaly ? 1 : 0)
  }

  /// Appends one line with its newline.
  ///
  /// `row` is the output vector of the step; `isEnd` says that only the stream's end made this
  /// answer due.
  package func appendLine(
    stream: StreamID, number: UInt64, token: Int32?, row: UnsafeBufferPointer<Float>,
    isEnd: Bool, to line: inout [UInt8]
  ) {
    line.append(contentsOf: #"{"stream":""#.utf8)
    line.append(contentsOf: stream.name.utf8)  // its alphabet needs no escapes
    line.append(contentsOf: #"","number":"#.utf8)
    JSONText.append(number, to: &line)
    if let token, let tokenText {
      line.append(contentsOf: #","token":"#.utf8)
      line.append(contentsOf: tokenText(token))
    }
    if !labels.isEmpty { appendClasses(row, to: &line) }
    if showsValues {
      appendValues(hasAnomaly ? UnsafeBufferPointer(rebasing: row.dropLast()) : row, to: &line)
    }
    if hasAnomaly, let score = row.last {
      line.append(contentsOf: #","anomaly":"#.utf8)
      JSONText.append(score, to: &line)
    }
    if isEnd { line.append(contentsOf: #","end":true"#.utf8) }
    line.append(contentsOf: "}\n".utf8)
  }

  private func appendClasses(_ row: UnsafeBufferPointer<Float>, to line: inout [UInt8]) {
    var best: [(index: Int, score: Float)] = []
    best.reserveCapacity(top + 1)
    let count = min(top, row.count)
    for index in 0..<row.count {
      let score = row[index]
      // Ties keep the lower index in front; a value that is no number never wins.
      if best.count == count {
        guard let last = best.last, score > last.score || (last.score.isNaN && !score.isNaN)
        else { continue }
      }
      let place =
        best.firstIndex { score > $0.score || ($0.score.isNaN && !score.isNaN) } ?? best.count
      best.insert((index, score), at: place)
      if best.count > count { best.removeLast() }
    }
    guard let first = best.first else { return }
    if first.score.isNaN {
      // No answer yet: a model of windows before its first row. No class is better than another.
      line.append(contentsOf: #","label":null,"score":null,"top":[]"#.utf8)
      return
    }
    line.append(contentsOf: #","label":"#.utf8)
    line.append(contentsOf: labels[first.index])
    line.append(contentsOf: #","score":"#.utf8)
    JSONText.append(first.score, to: &line)
    line.append(contentsOf: #","top":["#.utf8)
    for (place, entry) in best.enumerated() {
      line.append(contentsOf: place == 0 ? "[".utf8 : ",[".utf8)
      line.append(contentsOf: labels[entry.index])
      line.append(UInt8(ascii: ","))
      JSONText.append(entry.score, to: &line)
      line.append(UInt8(ascii: "]"))
    }
    line.append(UInt8(ascii: "]"))
  }

  private func appendValues(_ row: UnsafeBufferPointer<Float>, to line: inout [UInt8]) {
    line.append(contentsOf: #","values":["#.utf8)
    for (index, value) in row.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      JSONText.append(value, to: &line)
    }
    line.append(UInt8(ascii: "]"))
  }
}
