import Recurrence
import Wire

/// Cuts and interleaves input in ways chosen by a seed: each stream's elements stay in order.
struct InputCutter {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// Cuts each line's payload at random places, text at any byte; flags stay with their end.
  mutating func cut(_ lines: [InputLine]) -> [InputLine] {
    lines.flatMap { cut($0) }
  }

  private mutating func cut(_ line: InputLine) -> [InputLine] {
    guard line.units > 1 else { return [line] }
    var pieces: [InputLine] = []
    var from = 0
    while from < line.units {
      let left = line.units - from
      // Short pieces mostly, so that characters and words are cut too; a long one now and then.
      let most = random.next() % 4 == 0 ? left : min(left, 5)
      let to = from + 1 + Int(random.next() % UInt64(most))
      var piece = line
      piece.payload = line.payload.elements(from..<to)
      piece.number = line.number.map { $0 + UInt64(from) }
      if from > 0 {
        piece.start = false
        piece.reset = false
      }
      if to < line.units { piece.end = false }
      pieces.append(piece)
      from = to
    }
    return pieces
  }

  /// Merges streams in random turns.
  mutating func interleave(_ lines: [InputLine]) -> [InputLine] {
    var queues: [StreamID: ArraySlice<InputLine>] = [:]
    for line in lines { queues[line.stream, default: []].append(line) }
    var names = queues.keys.sorted()
    var merged: [InputLine] = []
    merged.reserveCapacity(lines.count)
    while !names.isEmpty {
      let index = Int(random.next() % UInt64(names.count))
      let name = names[index]
      if let line = queues[name]?.popFirst() { merged.append(line) }
      if queues[name]?.isEmpty ?? true { names.remove(at: index) }
    }
    return merged
  }
}

extension InputLine.Payload {
  /// Some of its elements: bytes of text, or steps.
  func elements(_ range: Range<Int>) -> InputLine.Payload {
    switch self {
    case .none: .none
    case .text(let bytes): .text(Array(bytes[range]))
    case .tokens(let ids): .tokens(Array(ids[range]))
    case .values(let values, let width):
      .values(
        Array(values[range.lowerBound * width..<range.upperBound * width]), width: width)
    }
  }
}
