import Testing
import Wire

@testable import Millrace

/// The ring of late inputs and answers.
struct AnswerCacheTests {
  private func stream(_ name: String) throws -> IngressStream {
    IngressStream(id: try #require(StreamID(name)), worker: 0)
  }

  private func answer(_ number: UInt64, count: UInt32, bytes: Int) -> AnswerCache.Answer {
    var header = Header(kind: .answer)
    header.number = number
    header.count = count
    header.input = number + UInt64(count)
    return AnswerCache.Answer(
      header: header, payload: [UInt8](repeating: 1, count: bytes), ids: [], note: [], inputs: [],
      firstInput: number)
  }

  @Test func aRepeatedInputIsKnownFromAnother() throws {
    let cache = AnswerCache(byteCountMax: 1 << 16)
    let stream = try stream("a")
    let ids: [Int32] = [5, 6, 7, 8]
    ids.withUnsafeBytes { cache.keep(input: $0, first: 10, elementBytes: 4, of: stream) }
    func conflicts(_ ids: [Int32], at first: UInt64) -> Bool {
      ids.withUnsafeBytes {
        cache.conflicts(input: $0, first: first, elementBytes: 4, with: stream)
      }
    }
    #expect(!conflicts([5, 6, 7, 8], at: 10))
    #expect(!conflicts([7, 8, 9], at: 12))
    #expect(!conflicts([1, 2, 3], at: 14))
    #expect(conflicts([5, 6, 7, 9], at: 10))
    #expect(conflicts([6], at: 10))
  }

  @Test func answersAreFoundByNumberAndByInput() throws {
    let cache = AnswerCache(byteCountMax: 1 << 16)
    let one = try stream("a")
    let other = try stream("b")
    for number in [UInt64(0), 4, 8] { cache.keep(answer(number, count: 4, bytes: 8), of: one) }
    cache.keep(answer(0, count: 4, bytes: 8), of: other)
    #expect(cache.answers(of: one, from: 5).map(\.header.number) == [4, 8])
    #expect(cache.answers(of: one, toInputIn: 5...8).map(\.header.number) == [4])
    #expect(cache.answers(of: other, from: 0).count == 1)
    cache.forget(one)
    #expect(cache.answers(of: one, from: 0).isEmpty)
  }

  /// Who repeats a stream's first message for ever is not looked up in all that was kept.
  @Test func whatIsFarBackIsNotLookedFor() throws {
    let cache = AnswerCache(byteCountMax: 1 << 24)
    let stream = try stream("a")
    // An input and its answer each.
    let count = UInt64(Limits.repeatedEntries / 2)
    func take(_ number: UInt64) {
      withUnsafeBytes(of: Int32(5)) {
        cache.keep(input: $0, first: number, elementBytes: 4, of: stream)
      }
      cache.keep(answer(number, count: 1, bytes: 4), of: stream)
    }
    for number in 0..<count { take(number) }
    #expect(cache.answers(of: stream, toInputIn: 1...1).map(\.header.number) == [0])
    take(count)
    #expect(cache.answers(of: stream, toInputIn: 1...1).isEmpty)
    #expect(
      cache.answers(of: stream, toInputIn: count + 1...count + 1).map(\.header.number) == [count])
    // It is still there for whoever greets.
    #expect(cache.answers(of: stream, from: 0).count == Int(count) + 1)
  }

  /// What the ring has dropped is told, and nothing else.
  @Test func whatIsGoneIsKnown() throws {
    let cache = AnswerCache(byteCountMax: 10_000)
    let stream = try stream("a")
    stream.begin(life: 1, at: 0, step: 0)
    func take(_ number: UInt64) {
      withUnsafeBytes(of: Int32(5)) {
        cache.keep(input: $0, first: number, elementBytes: 4, of: stream)
      }
      cache.keep(answer(number, count: 1, bytes: 1000), of: stream)
      stream.answeredInput = number + 1
      stream.nextAnswer = number + 1
    }
    for number in UInt64(0)..<3 { take(number) }
    #expect(cache.missing(of: stream, from: 0) == nil)
    #expect(cache.missing(of: stream, answersFrom: 0) == nil)
    // What was not answered yet is not gone.
    #expect(cache.missing(of: stream, from: 3) == nil)
    for number in UInt64(3)..<100 { take(number) }
    let oldest = try #require(cache.answers(of: stream, from: 0).first).header.number
    #expect(cache.missing(of: stream, from: 0) == oldest)
    #expect(cache.missing(of: stream, from: oldest - 1) == oldest)
    #expect(cache.missing(of: stream, from: oldest) == nil)
    #expect(cache.missing(of: stream, answersFrom: 0) == oldest)
    #expect(cache.missing(of: stream, answersFrom: oldest) == nil)
    // Another stream's answers have pushed all of them out.
    let other = try self.stream("b")
    for number in UInt64(0)..<100 { cache.keep(answer(number, count: 1, bytes: 1000), of: other) }
    #expect(cache.missing(of: stream, from: 7) == 100)
    #expect(cache.missing(of: stream, answersFrom: 7) == 100)
    #expect(cache.missing(of: stream, answersFrom: 100) == nil)
    #expect(!cache.missesEnd(of: stream))
    cache.forget(stream)
    #expect(cache.missing(of: stream, from: 0) == nil)
  }

  @Test func theOldestGoWhenTheBoundIsReached() throws {
    let cache = AnswerCache(byteCountMax: 10_000)
    let stream = try stream("a")
    for number in UInt64(0)..<100 { cache.keep(answer(number, count: 1, bytes: 1000), of: stream) }
    let kept = cache.answers(of: stream, from: 0).map(\.header.number)
    #expect(cache.byteCount <= 10_000)
    #expect(kept.count >= 5 && kept == Array(100 - UInt64(kept.count)..<100))
  }
}
