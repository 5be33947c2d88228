/// One axis' part of a `Slice`.
struct ONNXCut {
  let axis: Int
  let start: Int
  let end: Int
  let step: Int

  /// The positions that are taken of an axis of so many.
  func positions(of size: Int) -> [Int] {
    if step < 0 {
      let first = min(start < 0 ? start + size : start, size - 1)
      let last = max(end < 0 ? (end < -size ? -1 : end + size) : end, -1)
      return Array(stride(from: first, to: min(first, last), by: step))
    }
    guard step > 0 else { return [] }
    let first = min(max(start < 0 ? start + size : start, 0), size)
    let last = min(max(end < 0 ? end + size : end, 0), size)
    return Array(stride(from: first, to: max(first, last), by: step))
  }

  /// Whether everything is taken, however long the axis.
  var isWhole: Bool { start == 0 && end >= Int(Int32.max) && step == 1 }

  /// Whether the last alone is taken, however long the axis.
  var isLast: Bool { start == -1 && end >= Int(Int32.max) && step == 1 }
}
