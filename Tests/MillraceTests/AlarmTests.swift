import Testing
import Wire

@testable import Millrace

/// Alarms on answers: two levels, two counts, one state a stream.
struct AlarmTests {
  private let rule = AlarmRule(
    subject: .value(0), on: 0.75, onAnswers: 2, off: 0.25, offAnswers: 3)

  /// Feeds scores numbered from 0, and returns what came as `kind@number<since`.
  private func run(_ scores: [Float], of stream: StreamID, _ watch: inout AlarmWatch) -> [String] {
    var events: [AlarmEvent] = []
    for (number, score) in scores.enumerated() {
      events += [score].withUnsafeBufferPointer {
        watch.take($0, number: UInt64(number), of: stream)
      }
    }
    return events.map(text)
  }

  private func text(_ event: AlarmEvent) -> String {
    "\(event.kind)@\(event.number)<\(event.since)\(event.score == nil ? " end" : "")"
  }

  private var watch: AlarmWatch {
    AlarmWatch(AlarmSetting(rule: rule, column: 0, subject: "value 0"))
  }

  @Test(
    arguments: [
      ([0.9, 0.1, 0.9, 0.5], []),  // never twice in a row
      ([0.9, 0.75], ["raised@1<0"]),  // the level itself counts
      ([0.7, 0.9, 0.9, 0.9], ["raised@2<1"]),  // raised once
      ([0.9, 0.9, 0.3, 0.3, 0.3, 0.3], ["raised@1<0"]),  // between the levels it stays
      ([0.9, 0.9, 0.1, 0.1, 0.25, 0.1, 0.1, 0.1], ["raised@1<0", "cleared@7<5"]),
      ([0.9, 0.9, 0, 0, 0, 0.9, 0.9], ["raised@1<0", "cleared@4<2", "raised@6<5"]),
      ([0.9, .nan, 0.9, 0.9, .nan, 0, 0, .nan, 0], ["raised@3<2"]),  // no number, no change
    ] as [([Float], [String])])
  func anAlarmHasHysteresis(scores: [Float], events: [String]) {
    var watch = watch
    #expect(run(scores, of: StreamID(literal: "a"), &watch) == events)
  }

  @Test func streamsDoNotMix() {
    var watch = watch
    let (a, b) = (StreamID(literal: "a"), StreamID(literal: "b"))
    #expect(run([0.9], of: a, &watch).isEmpty)
    #expect(run([0.9], of: b, &watch).isEmpty)
    #expect(run([0.9, 0.9], of: b, &watch) == ["raised@1<0"])
    #expect(watch.end(a) == nil)
  }

  @Test func aStreamThatEndsClearsIts() {
    var watch = watch
    let a = StreamID(literal: "a")
    #expect(run([0.9, 0.9, 0.5], of: a, &watch) == ["raised@1<0"])
    #expect(watch.end(a).map(text) == "cleared@2<2 end")
    #expect(watch.end(a) == nil)
  }

  /// A producer that begins anew without an END leaves no alarm of its old life.
  @Test func aNewLifeClearsTheOldOnes() {
    var watch = watch
    let a = StreamID(literal: "a")
    #expect(run([0.9, 0.9, 0.9], of: a, &watch) == ["raised@1<0"])
    #expect(run([0.9, 0.5], of: a, &watch) == ["cleared@2<2 end"])
  }

  @Test func linesHaveTheirKeysInOrder() {
    var line: [UInt8] = []
    AlarmEvent(kind: .raised, number: 7, since: 6, score: 0.875)
      .appendLine(stream: StreamID(literal: "a"), subject: "fi\"ght", to: &line)
    #expect(
      String(decoding: line, as: UTF8.self)
        == #"{"stream":"a","number":7,"alarm":"raised","of":"fi\"ght","score":0.875,"since":6}"#
        + "\n")
  }

  @Test(arguments: [
    ("{ on: 0.5 }", "\"sink.alarm.label\" is missing"),
    ("{ label: a, value: 1, on: 0.5 }", "\"sink.alarm.value\" is given beside label"),
    ("{ label: a }", "\"sink.alarm.on\" is missing"),
    ("{ label: a, on: 1.5 }", "expected a number from 0.0 to 1.0"),
    ("{ label: a, on: 0.5, off: 0.6 }", "expected at most \"on\", 0.5"),
    ("{ label: a, on: 0.5, on-answers: 0 }", "\"sink.alarm.on-answers\" is \"0\""),
    ("{ anomaly: false, on: 0.5 }", "is false, expected true"),
  ])
  func aWrongRuleIsNamed(rule: String, words: String) {
    #expect {
      try PipelineFile(text: "model: m\nsink: { alarm: \(rule) }", path: "/p/x.yaml")
    } throws: {
      "\($0)".contains(words)
    }
  }
}
