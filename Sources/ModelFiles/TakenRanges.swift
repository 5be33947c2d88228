/// Which bytes of a file belong to which object, as far as they have been read.
///
/// It belongs to one reader of one file, and stays on its thread.
final class TakenRanges {
  private var ranges: [(bytes: Range<Int>, owner: String)] = []

  /// Takes bytes for an object, which may take the same ones again.
  ///
  /// - Returns: another object that some of them belong to; nil if there is none.
  func take(_ bytes: Range<Int>, _ owner: String) -> String? {
    for range in ranges where range.bytes.overlaps(bytes) {
      if range.owner == owner && range.bytes == bytes { return nil }
      return range.owner
    }
    ranges.append((bytes, owner))
    return nil
  }
}
