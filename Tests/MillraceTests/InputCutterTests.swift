import Testing
import Wire

@testable import Millrace

/// Cutting and interleaving keep each stream's elements and order.
struct InputCutterTests {
  private func lines() throws -> [InputLine] {
    let a = try #require(StreamID("a"))
    let b = try #require(StreamID("b"))
    var first = InputLine(stream: a, payload: .text(Array("가나다 abc".utf8)))
    first.start = true
    var last = InputLine(stream: a, payload: .text(Array("끝".utf8)))
    last.end = true
    let ids = InputLine(stream: b, payload: .tokens([1, 2, 3, 4, 5, 6, 7]))
    let values = InputLine(stream: b, payload: .values([1, 2, 3, 4, 5, 6], width: 2))
    return [first, ids, last, values]
  }

  @Test(arguments: 0..<20) func nothingIsLostOrMoved(seed: UInt64) throws {
    var cutter = InputCutter(seed: seed)
    let lines = try lines()
    let pieces = cutter.interleave(cutter.cut(lines))
    for stream in Set(lines.map(\.stream)) {
      let before = lines.filter { $0.stream == stream }
      let after = pieces.filter { $0.stream == stream }
      #expect(after.count >= before.count)
      #expect(elements(after) == elements(before), "seed \(seed)")
      #expect(after.map(\.start).firstIndex(of: true) == before.map(\.start).firstIndex(of: true))
      #expect(after.filter(\.start).count == before.filter(\.start).count)
      #expect(after.last?.end == before.last?.end)
      #expect(after.dropLast().allSatisfy { !$0.end })
    }
  }

  private func elements(_ lines: [InputLine]) -> [Float] {
    lines.flatMap { line -> [Float] in
      switch line.payload {
      case .none: []
      case .text(let bytes): bytes.map(Float.init)
      case .tokens(let ids): ids.map(Float.init)
      case .values(let values, _): values
      }
    }
  }

  @Test func aSeedGivesTheSameCuts() throws {
    var one = InputCutter(seed: 3)
    var two = InputCutter(seed: 3)
    var other = InputCutter(seed: 4)
    let lines = try lines()
    let cut = one.cut(lines).map(\.units)
    #expect(cut == two.cut(lines).map(\.units))
    #expect(cut != other.cut(lines).map(\.units))
  }
}
