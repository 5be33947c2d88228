/// What a model remembers of one stream: h, c and the past inputs of convolutions.
///
/// One block of floats that starts on a 64-byte boundary; every row starts at a multiple of 16
/// floats and its padding is always zero. A new state is all zeros. Only one thread may use it at a
/// time, so it is not `Sendable`; its `floats` are.
package final class StreamState {
  package let layout: StateLayout

  init(layout: StateLayout) {
    self.layout = layout
    start = AlignedFloats.allocate(count: layout.paddedCount)
  }

  deinit { start.deallocate() }

  /// The padded block; rows are found by `layout`.
  package let start: UnsafeMutablePointer<Float>

  /// Forgets everything.
  package func zero() { start.update(repeating: 0, count: layout.paddedCount) }

  /// The portable copy: every row of the layout without its padding, in order.
  package var floats: [Float] {
    [Float](unsafeUninitializedCapacity: layout.portableCount) { buffer, count in
      for row in layout.rows {
        for j in 0..<row.width {
          buffer.initializeElement(at: count + j, to: start[row.offset + j])
        }
        count += row.width
      }
    }
  }

  /// Takes a portable copy that another state of the same model gave, on any machine.
  ///
  /// - Throws: `StateError.wrongCount`; the state is then unchanged.
  package func load(_ floats: [Float]) throws(StateError) {
    guard floats.count == layout.portableCount else {
      throw .wrongCount(expected: layout.portableCount, received: floats.count)
    }
    var taken = 0
    for row in layout.rows {
      for j in 0..<row.width { start[row.offset + j] = floats[taken + j] }
      taken += row.width
    }
  }

  /// Begins with a given h and c in the place of zeros; everything else is zero.
  ///
  /// - Parameter rows: those of `StateLayout.recurrentRows`, one after the other.
  /// - Throws: `StateError.wrongCount`; the state is then unchanged.
  package func begin(with rows: [Float]) throws(StateError) {
    guard rows.count == layout.recurrentCount else {
      throw .wrongCount(expected: layout.recurrentCount, received: rows.count)
    }
    zero()
    var taken = 0
    for row in layout.rows {
      switch row.kind {
      case .h, .c:
        for j in 0..<row.width { start[row.offset + j] = rows[taken + j] }
        taken += row.width
      case .value(StartingState.doneName): start[row.offset] = 1
      case .past, .value: break
      }
    }
  }

  /// A second state with the same content.
  package func copy() -> StreamState {
    let other = StreamState(layout: layout)
    other.start.update(from: start, count: layout.paddedCount)
    return other
  }

  /// One row, copied without its padding.
  package func row(_ row: StateRow) -> [Float] {
    Array(UnsafeBufferPointer(start: start + row.offset, count: row.width))
  }
}
