import Wire

/// An alarm that was raised or cleared.
struct AlarmEvent: Equatable {
  enum Kind: String {
    case raised
    case cleared
  }

  var kind: Kind
  /// The number of the answer that made it due.
  var number: UInt64
  /// The number of the first of the answers in a row that made it due.
  var since: UInt64
  /// What that answer said; nil where the stream ended instead.
  var score: Float?

  /// Appends one line with its newline.
  ///
  /// Keys in the order stream, number, alarm, of, score, since, end.
  func appendLine(stream: StreamID, subject: String, to line: inout [UInt8]) {
    line.append(contentsOf: #"{"stream":""#.utf8)
    line.append(contentsOf: stream.name.utf8)  // its alphabet needs no escapes
    line.append(contentsOf: #"","number":"#.utf8)
    JSONText.append(number, to: &line)
    line.append(contentsOf: #","alarm":""#.utf8)
    line.append(contentsOf: kind.rawValue.utf8)
    line.append(contentsOf: #"","of":"#.utf8)
    JSONText.append(subject, to: &line)
    if let score {
      line.append(contentsOf: #","score":"#.utf8)
      JSONText.append(score, to: &line)
    }
    line.append(contentsOf: #","since":"#.utf8)
    JSONText.append(since, to: &line)
    if score == nil { line.append(contentsOf: #","end":true"#.utf8) }
    line.append(contentsOf: "}\n".utf8)
  }
}
