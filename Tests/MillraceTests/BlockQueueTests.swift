import Testing

@testable import Millrace

/// A queue in blocks, beside an array.
struct BlockQueueTests {
  @Test(arguments: [1, 3, 2000]) func isAQueue(step: Int) {
    var queue = BlockQueue<Int>()
    var expected: [Int] = []
    var first = 0
    for number in 0..<9000 {
      queue.append(number)
      expected.append(number)
      // Taken from in runs, over the ends of blocks, and now and then down to nothing.
      guard number % step == 0 else { continue }
      let held = expected.count - first
      let left = number % 7 == 0 ? 0 : held - min(held, step / 2)
      while queue.count > left {
        #expect(queue.popFirst() == expected[first])
        first += 1
      }
      for index in stride(from: 0, to: queue.count, by: max(1, queue.count / 5)) {
        #expect(queue[index] == expected[first + index])
      }
    }
    #expect(queue.count == expected.count - first)
    while let element = queue.popFirst() {
      #expect(element == expected[first])
      first += 1
    }
    #expect(first == expected.count && queue.count == 0)
  }
}
