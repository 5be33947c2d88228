extension InputLine {
  /// Payload bytes of one message: lines beyond it are cut.
  private static let cutBytes = 32 * 1024

  /// Splits a line that has more than `units`, or more bytes than one message should have.
  func cut(units: Int) -> (InputLine, InputLine?) {
    var first = self
    var rest = self
    switch payload {
    case .none: return (self, nil)
    case .text(let bytes):
      let limit = min(units, InputLine.cutBytes)
      guard bytes.count > limit else { return (self, nil) }
      first.payload = .text(Array(bytes[..<limit]))
      rest.payload = .text(Array(bytes[limit...]))
    case .tokens(let ids):
      let limit = min(units, InputLine.cutBytes / 4, Limits.messageSteps)
      guard ids.count > limit else { return (self, nil) }
      first.payload = .tokens(Array(ids[..<limit]))
      rest.payload = .tokens(Array(ids[limit...]))
    case .values(let values, let width):
      let limit = min(units, max(1, InputLine.cutBytes / 4 / max(1, width)), Limits.messageSteps)
      guard width > 0, values.count / width > limit else { return (self, nil) }
      first.payload = .values(Array(values[..<(limit * width)]), width: width)
      rest.payload = .values(Array(values[(limit * width)...]), width: width)
    }
    first.end = false
    rest.start = false
    rest.state = []
    rest.reset = false
    rest.number = number.map { $0 + UInt64(first.units) }
    return (first, rest)
  }
}
