import Foundation
import Testing
import Wire

@testable import Millrace

/// An idle stream keeps its state, its name, and little else.
struct IdleStreamSizeTests {
  @Test func aStreamWithoutTextOrStoreFitsABin() throws {
    let stream = IngressStream(id: try #require(StreamID("camera-12345")), worker: 0)
    stream.begin(life: 1, at: 0, step: 0)
    let pointer = Unmanaged.passUnretained(stream).toOpaque()
    // glibc's module leaves <malloc.h> out.
    let symbol = try #require(dlsym(UnsafeMutableRawPointer(bitPattern: 0), "malloc_usable_size"))
    typealias UsableSize = @convention(c) (UnsafeMutableRawPointer) -> Int
    let usableSize = unsafeBitCast(symbol, to: UsableSize.self)
    // malloc's bins are 16 bytes apart: one field more takes the next one.
    #expect(usableSize(pointer) <= 152)
  }

  @Test func aLifeThatBeginsLateKeepsWhere() throws {
    let stream = IngressStream(id: try #require(StreamID("a")), worker: 3)
    stream.begin(life: 1, at: 7, step: 5)
    stream.generation = 1 << 22 - 1
    #expect(stream.firstInput == 7 && stream.sequenceStart == 5)
    #expect(stream.generation == 1 << 22 - 1)
    let again = try IngressStream(id: stream.id, worker: 3, standing: stream.standing)
    #expect(again.firstInput == 7 && again.sequenceStart == 5)
    stream.begin(life: 2, at: 0, step: 0)
    #expect(stream.firstInput == 0 && stream.sequenceStart == 0)
  }
}
