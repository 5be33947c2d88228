import Synchronization

/// Byte strings on their way from one thread to another: the one who offers never waits, and is told
/// when there is no room.
///
/// A ring of bytes in which a string stands as it will be read, without an allocation and a lock.
/// Long ones stand beside it, so that they do not take the room of all others.
/// One thread offers and one takes.
final class TapQueue: @unchecked Sendable {  // why: `offered` and `taken` say whose each byte is
  /// What a string says of itself, in the eight bytes before it.
  private enum Place {
    /// Its bytes follow.
    static let here: UInt32 = 0
    /// Its address follows.
    static let beside: UInt32 = 1
    /// Nothing follows up to the end of the ring.
    static let none: UInt32 = 2
  }

  private let ring: UnsafeMutableRawBufferPointer
  /// Bytes ever offered and taken; what lies between them is in the ring.
  private let offered = Atomic<Int>(0)
  private let taken = Atomic<Int>(0)
  /// Bytes that stand beside the ring.
  private let beside = Atomic<Int>(0)
  private let besideMax: Int

  /// - Parameters:
  ///   - byteCount: of the ring; a power of two, so that counts may run over.
  ///   - besideMax: bytes of long strings at one time.
  init(byteCount: Int = Limits.tapQueueBytes, besideMax: Int = Limits.tapQueueLongBytes) {
    precondition(byteCount >= 64 && byteCount & (byteCount - 1) == 0)
    // Pages that are never written take no memory.
    ring = .allocate(byteCount: byteCount, alignment: 64)
    self.besideMax = besideMax
  }

  deinit {
    while take({ _ in }) {}
    ring.deallocate()
  }

  /// Bytes of the ring.
  private var used: Int {
    offered.load(ordering: .relaxed) &- taken.load(ordering: .acquiring)
  }

  /// Whether a string of usual length finds room; a quarter is kept for what is marked urgent.
  var hasRoom: Bool { used < ring.count / 4 * 3 }

  var isEmpty: Bool { offered.load(ordering: .acquiring) == taken.load(ordering: .acquiring) }

  /// Takes in a string that `write` writes; false where there is no room, and then it is not called.
  ///
  /// Only one thread may offer.
  func offer(
    byteCount: Int, isUrgent: Bool, _ write: (UnsafeMutableRawBufferPointer) -> Void
  ) -> Bool {
    guard isUrgent || hasRoom else { return false }
    if byteCount > ring.count / 8 { return offer(beside: byteCount, write) }
    guard let place = room(for: byteCount, Place.here) else { return false }
    write(UnsafeMutableRawBufferPointer(rebasing: ring[place..<place + byteCount]))
    advance(over: byteCount)
    return true
  }

  private func offer(
    beside byteCount: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void
  ) -> Bool {
    let header = 2 * MemoryLayout<Int>.size
    guard beside.load(ordering: .acquiring) + byteCount <= besideMax,
      let place = room(for: header, Place.beside)
    else { return false }
    let long = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
    write(long)
    ring.storeBytes(of: UInt(bitPattern: long.baseAddress), toByteOffset: place, as: UInt.self)
    ring.storeBytes(of: byteCount, toByteOffset: place + 8, as: Int.self)
    beside.wrappingAdd(byteCount, ordering: .acquiringAndReleasing)
    advance(over: header)
    return true
  }

  /// Where so many bytes may be written, behind what they are; nil where there is no room.
  private func room(for byteCount: Int, _ kind: UInt32) -> Int? {
    let whole = TapQueue.rounded(byteCount) + 8
    var place = offered.load(ordering: .relaxed) & (ring.count - 1)
    var free = ring.count - used
    let toEnd = ring.count - place
    if whole > toEnd {
      guard whole <= free - toEnd else { return nil }
      describe(toEnd - 8, Place.none, at: place)
      offered.store(offered.load(ordering: .relaxed) &+ toEnd, ordering: .releasing)
      free -= toEnd
      place = 0
    }
    guard whole <= free else { return nil }
    describe(byteCount, kind, at: place)
    return place + 8
  }

  private func describe(_ byteCount: Int, _ kind: UInt32, at place: Int) {
    ring.storeBytes(of: UInt32(byteCount), toByteOffset: place, as: UInt32.self)
    ring.storeBytes(of: kind, toByteOffset: place + 4, as: UInt32.self)
  }

  private func advance(over byteCount: Int) {
    // No other thread adds to it.
    let before = offered.load(ordering: .relaxed)
    offered.store(before &+ TapQueue.rounded(byteCount) &+ 8, ordering: .releasing)
  }

  /// Hands the oldest string to `read`; false when there is none.
  ///
  /// Only one thread may take.
  func take(_ read: (UnsafeRawBufferPointer) throws -> Void) rethrows -> Bool {
    while true {
      let at = taken.load(ordering: .relaxed)
      guard at != offered.load(ordering: .acquiring) else { return false }
      let place = at & (ring.count - 1)
      let byteCount = Int(ring.load(fromByteOffset: place, as: UInt32.self))
      let kind = ring.load(fromByteOffset: place + 4, as: UInt32.self)
      // Also where `read` throws: what it was given is done with.
      defer { taken.store(at &+ TapQueue.rounded(byteCount) &+ 8, ordering: .releasing) }
      switch kind {
      case Place.here:
        try read(UnsafeRawBufferPointer(rebasing: ring[place + 8..<place + 8 + byteCount]))
        return true
      case Place.beside:
        let long = UnsafeMutableRawBufferPointer(
          start: UnsafeMutableRawPointer(
            bitPattern: ring.load(fromByteOffset: place + 8, as: UInt.self)),
          count: ring.load(fromByteOffset: place + 16, as: Int.self))
        defer {
          beside.wrappingSubtract(long.count, ordering: .acquiringAndReleasing)
          long.deallocate()
        }
        try read(UnsafeRawBufferPointer(long))
        return true
      default: continue
      }
    }
  }

  /// So that what describes the next one is aligned.
  private static func rounded(_ byteCount: Int) -> Int { (byteCount + 7) & ~7 }
}
