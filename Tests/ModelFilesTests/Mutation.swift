import Recurrence

/// One change of a file's bytes, drawn by a seed: what a damaged disk or a hostile hand does.
struct Mutation {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(max(1, bound))) }

  /// Changes `bytes` within `range`; at least one byte is another one, or the length is.
  mutating func changed(_ bytes: [UInt8], within range: Range<Int>) -> [UInt8] {
    while true {
      var changed = bytes
      change(&changed, range)
      if changed != bytes { return changed }
    }
  }

  private mutating func change(_ bytes: inout [UInt8], _ range: Range<Int>) {
    let position = range.lowerBound + below(range.count)
    let length = min(1 + below(16), range.upperBound - position)
    switch below(8) {
    case 0, 1: bytes[position] ^= 1 << UInt8(below(8))
    case 2: bytes[position] = [0, 1, 0x7f, 0x80, 0xff][below(5)]
    case 3: overwrite(&bytes, position, range, size: 4)
    case 4: overwrite(&bytes, position, range, size: 8)
    case 5: bytes.removeSubrange(position..<position + length)
    case 6: bytes.insert(contentsOf: bytes[position..<position + length], at: position)
    default:
      let other = range.lowerBound + below(range.count)
      bytes.swapAt(position, other)
    }
  }

  /// Puts a number that a length or an offset should not be.
  private mutating func overwrite(
    _ bytes: inout [UInt8], _ position: Int, _ range: Range<Int>, size: Int
  ) {
    let numbers: [UInt64] = [
      0, 1, .max, 1 << 31, 1 << 32, 1 << 62, UInt64(bytes.count), UInt64(bytes.count) - 1,
      random.next(),
    ]
    let number = numbers[below(numbers.count)]
    for index in 0..<size where position + index < range.upperBound {
      bytes[position + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index))
    }
  }
}
