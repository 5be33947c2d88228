import DequeModule

/// A queue in blocks, for so many elements that moving all of them would be felt: appending never
/// copies what is there.
struct BlockQueue<Element> {
  private static var blockCount: Int { 1024 }

  /// All but the first and the last are full.
  private var blocks: Deque<Deque<Element>> = []
  /// What the first block has lost.
  private var dropped = 0
  private(set) var count = 0

  mutating func append(_ element: Element) {
    if (dropped + count) % BlockQueue.blockCount == 0 {
      blocks.append(Deque(minimumCapacity: BlockQueue.blockCount))
    }
    blocks[blocks.count - 1].append(element)
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = blocks[0].removeFirst()
    count -= 1
    dropped += 1
    if dropped == BlockQueue.blockCount {
      blocks.removeFirst()
      dropped = 0
    }
    return element
  }

  /// The element at `index`, counted from the first.
  subscript(index: Int) -> Element {
    let place = dropped + index
    let block = place / BlockQueue.blockCount
    return blocks[block][place % BlockQueue.blockCount - (block == 0 ? dropped : 0)]
  }
}
