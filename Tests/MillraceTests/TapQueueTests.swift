import Foundation
import Testing

@testable import Millrace

/// Messages of taps on their way to the thread that publishes them.
struct TapQueueTests {
  private func offer(_ queue: TapQueue, _ bytes: [UInt8], isUrgent: Bool = false) -> Bool {
    queue.offer(byteCount: bytes.count, isUrgent: isUrgent) { $0.copyBytes(from: bytes) }
  }

  private func take(_ queue: TapQueue) -> [UInt8]? {
    var bytes: [UInt8]?
    _ = queue.take { bytes = Array($0) }
    return bytes
  }

  /// Bytes of a length that says which ones they are.
  private func bytes(_ index: Int) -> [UInt8] {
    (0..<(index * 37) % 120).map { UInt8(truncatingIfNeeded: $0 ^ index) }
  }

  @Test func whatIsOfferedComesOutInOrderAroundTheRing() {
    let queue = TapQueue(byteCount: 1024, besideMax: 0)
    var taken = 0
    for index in 0..<5_000 {
      #expect(offer(queue, bytes(index)))
      guard index % 3 == 2 else { continue }
      for _ in 0..<3 {
        #expect(take(queue) == bytes(taken))
        taken += 1
      }
    }
    while let next = take(queue) {
      #expect(next == bytes(taken))
      taken += 1
    }
    #expect(taken == 5_000)
    #expect(queue.isEmpty)
  }

  @Test func aFullQueueTakesNothingMoreButWhatIsUrgent() {
    let queue = TapQueue(byteCount: 1024, besideMax: 0)
    let message = [UInt8](repeating: 1, count: 56)
    var count = 0
    while offer(queue, message) { count += 1 }
    // 64 bytes each, three quarters of the ring.
    #expect(count == 12)
    #expect(!queue.hasRoom)
    var urgent = 0
    while offer(queue, message, isUrgent: true) { urgent += 1 }
    #expect(urgent == 4)
    #expect(take(queue) == message)
    #expect(!offer(queue, message))
    #expect(offer(queue, message, isUrgent: true))
    var left = 0
    while take(queue) != nil { left += 1 }
    #expect(left == count + urgent)
    #expect(offer(queue, message))
  }

  @Test func longMessagesStandBesideTheRing() {
    let queue = TapQueue(byteCount: 1024, besideMax: 2_000)
    let long = (0..<900).map { UInt8(truncatingIfNeeded: $0) }
    #expect(offer(queue, long))
    #expect(offer(queue, [7]))
    #expect(offer(queue, long))
    #expect(!offer(queue, long), "2,700 bytes are too many")
    #expect(take(queue) == long)
    #expect(offer(queue, long))
    #expect(take(queue) == [7])
    #expect(take(queue) == long)
    #expect(take(queue) == long)
    #expect(take(queue) == nil)
  }

  @Test func twoThreadsLoseAndMixNothing() {
    let queue = TapQueue(byteCount: 4096, besideMax: 1 << 16)
    let count = 20_000
    @Sendable func message(_ index: Int) -> [UInt8] {
      let head = withUnsafeBytes(of: UInt64(index)) { Array($0) }
      // Now and then one that is long.
      return head + [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: index % 701)
    }
    Thread {
      for index in 0..<count {
        let next = message(index)
        while !queue.offer(
          byteCount: next.count, isUrgent: false, { $0.copyBytes(from: next) })
        {
          sched_yield()
        }
      }
    }.start()
    var wrong = 0
    for index in 0..<count {
      var isThere = false
      while !isThere {
        isThere = queue.take { if !$0.elementsEqual(message(index)) { wrong += 1 } }
        if !isThere { sched_yield() }
      }
    }
    #expect(wrong == 0)
    #expect(queue.isEmpty)
  }
}
