/// A block of floats that starts on a 64-byte boundary, zero at first.
///
/// It belongs to one owner, which also decides what may touch it when; so it is not `Sendable`.
final class AlignedFloats {
  /// Rows start at multiples of this many floats: one 64-byte vector.
  static let rowMultiple = 16

  let start: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    start = Self.allocate(count: count)
  }

  /// Zeros on a 64-byte boundary, to be deallocated by the caller.
  static func allocate(count: Int) -> UnsafeMutablePointer<Float> {
    // An empty block still needs an address that may be handed around.
    let capacity = max(count, rowMultiple)
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: capacity * MemoryLayout<Float>.stride, alignment: 64)
    let start = raw.bindMemory(to: Float.self, capacity: capacity)
    start.initialize(repeating: 0, count: capacity)
    return start
  }

  deinit { start.deallocate() }

  func zero() { start.update(repeating: 0, count: count) }

  /// The width of a row with its padding.
  static func padded(_ width: Int) -> Int { (width + rowMultiple - 1) / rowMultiple * rowMultiple }
}
