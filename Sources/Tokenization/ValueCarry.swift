/// What a stream's rows leave for those to come: part of its checkpoint.
package struct ValueCarry: Equatable, Sendable {
  /// Where resampling stands.
  struct Grid: Equatable, Sendable {
    /// Time of the first row.
    var start: Double
    /// The next step's place on the grid.
    var next: UInt64
    /// Time of the last row.
    var time: Double
    var row: [Float]
  }

  /// The newest rows, the oldest first, row-major.
  var rows: [Float] = []
  /// The last value of each column.
  var known: [Float]?
  var grid: Grid?

  package init() {}

  /// Whether nothing is kept.
  package var isEmpty: Bool { rows.isEmpty && known == nil && grid == nil }
}

// MARK: Portable bytes

extension ValueCarry {
  private static let version: UInt8 = 1

  /// The carry as bytes, little-endian: version, which parts there are, the number of values of each
  /// part, then the parts.
  package func encoded() -> [UInt8] {
    var output = CarryBytes()
    output.append(ValueCarry.version)
    let parts: UInt8 = (known == nil ? 0 : 1) + (grid == nil ? 0 : 2)
    output.append(parts)
    output.append(UInt64(rows.count))
    output.append(rows)
    if let known {
      output.append(UInt64(known.count))
      output.append(known)
    }
    if let grid {
      output.append(grid.start.bitPattern)
      output.append(grid.next)
      output.append(grid.time.bitPattern)
      output.append(UInt64(grid.row.count))
      output.append(grid.row)
    }
    return output.bytes
  }

  /// - Throws: a `CarryError` for bytes that no carry has.
  package init(decoding encoded: some Sequence<UInt8>) throws(CarryError) {
    var input = CarryBytes(bytes: Array(encoded))
    let version = try input.takeByte()
    guard version == ValueCarry.version else {
      throw .version(received: version, expected: ValueCarry.version)
    }
    let parts = try input.takeByte()
    guard parts <= 3 else { throw .malformed("flags \(parts)") }
    func floats() throws(CarryError) -> [Float] {
      try input.takeFloats(Int(clamping: try input.takeWord()))
    }
    rows = try floats()
    if parts & 1 != 0 { known = try floats() }
    if parts & 2 != 0 {
      let grid = Grid(
        start: Double(bitPattern: try input.takeWord()), next: try input.takeWord(),
        time: Double(bitPattern: try input.takeWord()), row: try floats())
      // Further steps are counted from there, and times measured from those.
      guard grid.next < 1 << 53, grid.start.isFinite, grid.time.isFinite else {
        throw .malformed("place \(grid.next) of a grid from \(grid.start) to \(grid.time)")
      }
      self.grid = grid
    }
    guard input.rest.isEmpty else { throw .malformed("\(input.rest.count) bytes more") }
  }
}
