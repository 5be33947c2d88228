import Foundation
import Testing

@testable import Millrace

/// What `millrace top` shows, of what the taps say.
struct TopTests {
  private static let stats = #"""
    {"about":{"pipeline":"말","process":"daemon","version":"0.1.0","model":"sha256:0123456789abcdef01","format":"Keras",
    "precision":"f32","kernels":"avx2","edges":"text -> LSTM -> 3 classes","labels":[],"embeds":false,"layers":[]},
    "time":1,"uptime":61,"memory":55574528,"processor":1.5,
    "ingress":{"streams":2,"connections":1,"answers":12345,"repeated":1,"refused":7,"cache_bytes":9},
    "stages":[{"name":"tokenizer","messages":5,"steps_in":12,"steps":10,"queue":2,"credit":4094,
    "streams":2,"rate":1234.5,"p50":812,"p99":20480,"durations":[]},
    {"name":"sink","messages":5,"steps_in":10,"steps":10,"queue":0,"credit":0,"streams":0,"rate":9,
    "durations":[]}]}
    """#

  private func view(_ keys: [TopKey] = []) throws -> TopView {
    var view = TopView()
    _ = try view.take(topic: "tap/daemon/stats/daemon/", json: Data(Self.stats.utf8), seconds: 0)
    for (seconds, steps) in [(0.0, 10), (2.0, 30)] {
      let list = #"{"open":2,"streams":[["a",\#(steps),\#(steps),0,1],["b",4,1,1,0]]}"#
      _ = try view.take(
        topic: "tap/tokenizer/streams/all/", json: Data(list.utf8), seconds: seconds)
    }
    for key in keys { view.press(key) }
    return view
  }

  @Test func stagesStreamsAndFiguresStandInTheirColumns() throws {
    let lines = try view().lines(columns: 90, rows: 12).map(\.text)
    #expect(lines.count == 12)
    #expect(lines.allSatisfy { DisplayWidth.of($0) == 90 })
    #expect(
      lines[0].trimmingCharacters(in: .whitespaces)
        == "millrace top  말  avx2 f32  text -> LSTM -> 3 classes  sha256:0123456789abcdef")
    #expect(lines[1].hasPrefix("up 61s  streams 2  clients 1  refused 7  lost here 0"))
    #expect(lines[1].contains("memory 53.0MiB  answers 12.3k"))
    #expect(
      lines[4].hasPrefix("tokenizer           1234    812us   20.5ms       2    4094        2"))
    #expect(
      lines[5].hasPrefix("sink                   9        -        -       0       -        -"))
    #expect(lines[8].split(separator: " ") == ["a", "10", "30", "0", "0"])
    #expect(lines[9].split(separator: " ") == ["b", "0", "4", "3", "1"])
  }

  /// Where the terminal is narrow, what matters least is left out as a whole.
  @Test func aNarrowTerminalHasFewerColumnsThatAreWhole() throws {
    let lines = try view().lines(columns: 50, rows: 12).map(\.text)
    #expect(lines.allSatisfy { DisplayWidth.of($0) == 50 && !$0.contains("…") })
    func words(_ line: String) -> [Substring] { line.split(separator: " ") }
    #expect(words(lines[0]) == ["millrace", "top", "말", "avx2", "f32"])
    #expect(words(lines[1]) == ["up", "61s", "streams", "2", "clients", "1", "refused", "7"])
    #expect(words(lines[3]) == ["STAGE*", "STEPS/S", "P50", "P99", "QUEUE"])
    #expect(words(lines[4]) == ["tokenizer", "1234", "812us", "20.5ms", "2"])
    #expect(words(lines[7]) == ["STREAM", "STEPS/S*", "STEPS", "WAITING"])
    #expect(words(lines[8]) == ["a", "10", "30", "0"])
    #expect(
      lines[11].trimmingCharacters(in: .whitespaces)
        == "q quit  Enter look into  f freeze  / filter")
    // What it is sorted by stays.
    let sorted = try view(Array(repeating: .character("S"), count: 8))
      .lines(columns: 50, rows: 12).map(\.text)
    #expect(words(sorted[3]) == ["STAGE", "STEPS/S", "P50", "MESSAGES*"])
    var opened = try view([.down, .enter])
    let answer =
      #"{"stream":"b","number":3,"token":"물을","label":"마셨다","score":0.033333335,"top":[]}"#
    _ = try opened.take(topic: "tap/sink/result/b/", json: Data(answer.utf8), seconds: 3)
    #expect(
      words(opened.lines(columns: 50, rows: 12)[8].text) == ["3", "물을", "마셨다", "0.033333335"])
    let values =
      #"{"stream":"b","number":4,"values":[0.12345678,0.22345679,0.3234568,0.42345678]}"#
    _ = try opened.take(topic: "tap/sink/result/b/", json: Data(values.utf8), seconds: 4)
    #expect(
      words(opened.lines(columns: 50, rows: 12)[8].text)
        == ["4", "0.12345678", "0.22345679", "0.3234568"])
  }

  @Test func keysFreezeFilterSortAndLookInto() throws {
    var frozen = try view([.character("f")])
    #expect(
      try !frozen.take(
        topic: "tap/daemon/stats/daemon/", json: Data(Self.stats.utf8), seconds: 9))
    #expect(frozen.lines(columns: 120, rows: 12)[1].text.contains("FROZEN"))
    var silent = try view()
    silent.silentSeconds = 3.9
    #expect(silent.lines(columns: 90, rows: 12)[1].text.hasPrefix("up 61s"))
    silent.silentSeconds = 5.2
    #expect(silent.lines(columns: 90, rows: 12)[1].text.hasPrefix("NOT HEARD FOR 5 s  up 61s"))
    let filtered = try view([.character("/"), .character("b"), .enter])
    #expect(filtered.lines(columns: 80, rows: 12)[8].text.hasPrefix("b "))
    let reversed = try view([.character("r")])
    #expect(reversed.lines(columns: 80, rows: 12)[8].text.hasPrefix("b "))
    var opened = try view([.down, .enter])
    #expect(opened.prefixes.contains("tap/sink/result/b/"))
    let answer = #"{"stream":"b","number":3,"token":"물을","label":"마셨다","score":0.5,"top":[]}"#
    #expect(
      try opened.take(topic: "tap/sink/result/b/", json: Data(answer.utf8), seconds: 3))
    let lines = opened.lines(columns: 80, rows: 12).map(\.text)
    #expect(lines[7].hasPrefix("last answers of b"))
    #expect(lines[8].hasPrefix("         3  물을              마셨다                               0.5"))
    opened.press(.escape)
    #expect(!opened.prefixes.contains("tap/sink/result/b/"))
    opened.press(.character("q"))
    #expect(opened.isDone)
  }

  @Test(arguments: [
    ("abc", 3), ("한국어", 6), ("e\u{301}", 1), ("\u{1112}\u{1161}\u{11ab}", 2), ("ｱ", 1), ("日本", 4),
    ("🙂", 2), ("", 0),
  ])
  func wideLettersTakeTwoColumns(text: String, width: Int) {
    #expect(DisplayWidth.of(text) == width)
    #expect(DisplayWidth.of(DisplayWidth.fit(text, 4)) == 4)
    #expect(DisplayWidth.of(DisplayWidth.fit(text + text + "--", 5, .right)) == 5)
  }

  @Test func whatMovesTheCursorIsShownAsADot() {
    #expect(DisplayWidth.fit("a\u{1b}[2J\nb", 8) == "a·[2J·b ")
    #expect(DisplayWidth.fit("한국어", 5) == "한국…")
    #expect(DisplayWidth.fit("한국어", 4) == "한… ")
  }

  @Test func keysAreReadFromWhatATerminalSends() {
    #expect(
      TopKey.keys(in: Array("\u{1b}[A\u{1b}OBq\r\u{7f}\u{1b}[5~/한".utf8))
        == [
          .up, .down, .character("q"), .enter, .backspace, .character("/"), .character("한"),
        ])
    #expect(TopKey.keys(in: [0x1b]) == [.escape])
  }
}
