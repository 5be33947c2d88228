import Durability
import Testing
import Wire

@testable import Millrace

/// Kept lines: how a reader asks for them, what a page gives, and what a reader makes of it.
struct HistoryTests {
  private static let stream = StreamID(literal: "cam-1")

  @Test func aTopicSaysWhatItAsksFor() throws {
    for life in [nil, UInt64(3)] {
      let topic = HistoryTopic(stream: Self.stream, number: 57, life: life, token: "9f.0")
      #expect(HistoryTopic(topic.text) == topic)
    }
    #expect(
      HistoryTopic(stream: Self.stream, number: 57, life: 3, token: "t").text
        == "from:57@3:t/tap/sink/result/cam-1/")
    for text in [
      "from:57:t/tap/sink/result/", "from:57:t/tap/inference/output/cam-1/", "from:57/tap/sink/",
      "from:x:t/tap/sink/result/cam-1/", "from:57@:t/tap/sink/result/cam-1/",
      "from:57@3@4:t/tap/sink/result/cam-1/", "from:57:t/tap/sink/result/cam-1",
      "from:57:\(String(repeating: "t", count: 33))/tap/sink/result/cam-1/",
      "every:57/tap/sink/result/cam-1/", "from:57:t/tap/sink/result/cam/1/",
    ] {
      #expect(HistoryTopic(text) == nil, "\(text)")
    }
  }

  private static func row(_ life: UInt64, _ numbers: Range<UInt64>) -> KeptLines {
    KeptLines(
      stream: stream.name, life: life, first: numbers.lowerBound, next: numbers.upperBound,
      lines: numbers.map { .init(number: $0, text: Array("\(life) \($0)\n".utf8)) })
  }

  @Test func aPageSaysWhereItBeginsAndWhereSomethingIsGone() {
    var page = HistoryPage()
    page.begin(at: KeptPlace(life: 1, number: 2))
    let parts = page.take([Self.row(1, 0..<4), Self.row(1, 6..<7), Self.row(2, 0..<1)], limit: 9)
    func line(_ life: UInt64, _ number: UInt64) -> HistoryPage.Part {
      .line(.init(number: number, text: Array("\(life) \(number)\n".utf8)), life: life)
    }
    #expect(
      parts == [
        .begins(KeptPlace(life: 1, number: 2)), line(1, 2), line(1, 3),
        .begins(KeptPlace(life: 1, number: 6)), line(1, 6), line(2, 0),
      ])
    #expect(page.place == KeptPlace(life: 2, number: 1))
    var waiting = HistoryPage()
    #expect(waiting.take([], limit: 9) == [.begins(nil)])
    #expect(waiting.take([], limit: 9).isEmpty)
  }

  /// What a reader prints, whatever is lost on the way and however often the daemon is started anew, is
  /// each line once, in order.
  @Test(arguments: 0..<20)
  func eachLineComesOnceWhateverIsLost(seed: UInt64) throws {
    var chance = SplitMix(state: seed)
    var rows: [KeptLines] = []
    for life in [UInt64(3), 5] {
      var next: UInt64 = 0
      while next < 1500 {
        let end = next + 1 + chance.next() % 90
        rows.append(Self.row(life, next..<end))
        next = end
      }
    }
    let from: UInt64 = 57
    var follower = HistoryFollower(stream: Self.stream, from: from, token: "t")
    var printed: [String] = []
    var written = 0
    var rounds = 0
    var page = HistoryPage()
    let expected = rows.flatMap(\.lines).map { String(decoding: $0.text, as: UTF8.self) }
      .dropFirst(Int(from))
    while printed.count < expected.count, rounds < 100_000 {
      rounds += 1
      written = min(rows.count, written + Int(chance.next() % 3))
      if page.place == nil, written > 0 {
        page.begin(at: KeptPlace(life: follower.topic.life ?? 3, number: follower.topic.number))
      }
      let behind = rows[..<written].filter { row in
        page.place.map { (row.life, row.next) > ($0.life, $0.number) } ?? false
      }
      var sequence = page.sequence
      for part in page.take(Array(behind.prefix(8)), limit: 1 + Int(chance.next() % 200)) {
        defer { sequence += 1 }
        if chance.next() % 100 == 0 { continue }  // lost
        if case .line(let text) = try Self.tell(part, sequence, to: &follower) {
          printed.append(text)
        }
      }
      if follower.needsPage {
        follower.turnPage()
        page = HistoryPage()
      } else if chance.next() % 40 == 0 {
        page = HistoryPage()  // the daemon was started anew
      }
    }
    #expect(printed == Array(expected), "after \(rounds) rounds")
  }

  private enum Told {
    case line(String)
    case other
  }

  private static func tell(
    _ part: HistoryPage.Part, _ sequence: UInt64, to follower: inout HistoryFollower
  ) throws -> Told {
    var header = Header(kind: .answer)
    var life: UInt64?
    var payload: [UInt8]
    switch part {
    case .begins(let place):
      header = Header(kind: .welcome)
      payload = HistoryWelcome(lines: UInt64(Limits.historyPageLines), begins: place).bytes
    case .line(let line, let own):
      header.number = line.number
      life = own
      payload = line.text
    }
    let topic = follower.topic.text
    return try payload.withUnsafeBytes { payload in
      let message = TapMessage(
        topic: topic, header: header, payload: payload,
        note: TapNote(sequence: sequence, life: life))
      guard try follower.take(message) == .line else { return .other }
      return .line(String(decoding: payload, as: UTF8.self))
    }
  }

  /// Lines that are gone are told, with their numbers.
  @Test func whatIsNotKeptAnyMoreIsSaid() throws {
    var follower = HistoryFollower(stream: Self.stream, from: 57, token: "t")
    let welcome = HistoryWelcome(lines: 500, begins: KeptPlace(life: 3, number: 300)).bytes
    let topic = follower.topic.text
    let finding = try welcome.withUnsafeBytes { payload in
      try follower.take(
        TapMessage(
          topic: topic, header: Header(kind: .welcome), payload: payload,
          note: TapNote(sequence: 0, life: nil)))
    }
    #expect(finding == .gone(from: 57, to: 300))
  }
}

/// Chance that a seed repeats (SplitMix64).
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
