/// Where a filter's input lines come from.
protocol InputSource {
  /// What to wait on before `next`; nil when it never has to be waited for.
  var descriptor: Int32? { get }

  /// The lines that are there now, possibly none; nil at the end of input.
  mutating func next() throws -> [InputLine]?
}

/// Lines that are all there from the start.
struct ListSource: InputSource {
  var lines: [InputLine]
  var descriptor: Int32? { nil }

  mutating func next() throws -> [InputLine]? {
    guard !lines.isEmpty else { return nil }
    defer { lines.removeAll() }
    return lines
  }
}
