import Testing
import Wire

@testable import Millrace

/// Who gets which messages of a tap.
struct TapLimitTests {
  private func subscribe(_ subscriptions: inout TapSubscriptions, _ topic: String, on: Bool = true)
  {
    let bytes = [on ? 1 : 0] + Array(topic.utf8)
    bytes.withUnsafeBytes { subscriptions.take($0) }
  }

  @Test func everyNthMessageOfEachTopicIsDue() {
    var subscriptions = TapSubscriptions(stage: "inference")
    #expect(subscriptions.isEmpty)
    subscribe(&subscriptions, "every:3/tap/inference/output/")
    #expect(!subscriptions.isEmpty)
    let topics = ["tap/inference/output/a/", "tap/inference/output/b/", "tap/inference/state/a/0/"]
    #expect(topics.map { subscriptions.covers($0) } == [true, true, false])
    #expect(!subscriptions.coversPlainly(topics[0]))
    let due = (0..<7).map { _ in subscriptions.due(topics[0], microseconds: 0) }
    #expect(due.map(\.count) == [1, 0, 0, 1, 0, 0, 1])
    #expect(due[0] == ["every:3/"])
    // Each topic is counted by itself.
    #expect(subscriptions.due(topics[1], microseconds: 0) == ["every:3/"])
    #expect(subscriptions.due(topics[2], microseconds: 0) == [])
    subscribe(&subscriptions, "every:3/tap/inference/output/", on: false)
    #expect(subscriptions.isEmpty)
  }

  @Test func aRateIsKeptHoweverTheyCome() {
    for gap in [1_000 as UInt64, 30_000, 199_000, 201_000, 700_000] {
      var standing: UInt64 = 0
      var due: [UInt64] = []
      for time in stride(from: 5_000_000 as UInt64, to: 25_000_000, by: Int(gap))
      where TapLimit.perSecond(5).isDue(&standing, microseconds: time) {
        due.append(time)
      }
      // 20 seconds at five a second, or all where fewer come.
      let most = min(100, Int(20_000_000 / gap) + 1)
      #expect(due.count <= most + 1 && due.count >= most - 2, "\(gap): \(due.count) of \(most)")
      for time in due { #expect(due.count { $0 >= time && $0 < time + 1_000_000 } <= 6) }
    }
  }

  @Test func limitsStandBesideEachOtherAndBesidePlainSubscriptions() {
    var subscriptions = TapSubscriptions(stage: "inference")
    subscribe(&subscriptions, "every:2/tap/inference/")
    subscribe(&subscriptions, "rate:10/tap/inference/output/a/")
    subscribe(&subscriptions, "tap/inference/output/b/")
    let topic = "tap/inference/output/a/"
    #expect(subscriptions.due(topic, microseconds: 1000).sorted() == ["every:2/", "rate:10/"])
    #expect(subscriptions.due(topic, microseconds: 2000) == [])
    #expect(subscriptions.due(topic, microseconds: 150_000).sorted() == ["every:2/", "rate:10/"])
    #expect(subscriptions.coversPlainly("tap/inference/output/b/"))
    #expect(!subscriptions.coversPlainly(topic))
  }

  @Test func gatesAreComputedForWhoNamesThemAlsoRarely() {
    var subscriptions = TapSubscriptions(stage: "inference")
    subscribe(&subscriptions, "")
    #expect(!subscriptions.asksForCostly("tap/inference/gates/a/"))
    subscribe(&subscriptions, "every:10/tap/inference/gates/a/0/")
    #expect(subscriptions.asksForCostly("tap/inference/gates/a/"))
    #expect(!subscriptions.asksForCostly("tap/inference/gates/b/"))
  }

  @Test(arguments: [
    "every:0/tap/", "every:-1/tap/", "every:x/tap/", "every:9999999/tap/", "often:3/tap/",
    "tap/inference/output/every:3/", "every:3",
  ])
  func whatIsNoLimitIsATopic(topic: String) { #expect(TapLimit.split(topic) == nil) }

  @Test func aFloodOfLimitsIsBounded() {
    var subscriptions = TapSubscriptions(stage: "inference")
    for count in 1...1000 { subscribe(&subscriptions, "every:\(count)/tap/") }
    #expect(subscriptions.due("tap/x/", microseconds: 0).count == 64)
    // Who leaves was counted or not; neither harms the others.
    for count in 1...1000 { subscribe(&subscriptions, "every:\(count)/tap/", on: false) }
    #expect(subscriptions.isEmpty)
  }

  // MARK: Topics

  @Test(arguments: [
    (["inference/output"], [], ["tap/inference/output"]),
    (["tap/inference/output/cam-*"], [], ["tap/inference/output/cam-"]), ([], [], [""]),
    (["output/"], ["cam-1"], ["output/cam-1/"]),
    (
      ["inference/gates", "sink/result/"], ["a", "b*"],
      [
        "tap/inference/gates/a/", "tap/inference/gates/b", "tap/sink/result/a/",
        "tap/sink/result/b",
      ]
    ),
  ])
  func topicsAreCompleted(topics: [String], streams: [String], expected: [String]) throws {
    let patterns = streams.compactMap { StreamPattern($0) }
    #expect(try TapTopics.prefixes(topics, streams: patterns, limit: nil) == expected)
  }

  @Test func limitsStandBeforeTheTopic() throws {
    #expect(
      try TapTopics.prefixes(["tokenizer/input"], streams: [], limit: .every(10))
        == ["every:10/tap/tokenizer/input"])
    #expect(throws: TapTopics.Unknown.self) {
      try TapTopics.prefixes(["output/"], streams: [], limit: .perSecond(1))
    }
  }

  @Test(arguments: [
    ("inferense/output/", "inference/output"), ("tap/tokeniser/input/a/", "tokenizer/input"),
    ("daemon/event/x", "daemon/events"), ("nonsense", "expected one of"),
  ])
  func aTopicThatIsNoneIsNamedWithTheNearest(topic: String, hint: String) {
    let error = #expect(throws: TapTopics.Unknown.self) {
      try TapTopics.prefixes([topic], streams: [], limit: nil)
    }
    #expect(error?.description.contains(hint) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    (0.25 as Float, "     0.25"), (-1.23456, "  -1.2346"), (0, "        0"),
    (1.2345e-5, "  1.23e-5"), (123456, "   1.23e5"), (-.infinity, "     -inf"), (.nan, "      nan"),
  ])
  func numbersForPeopleAreShort(value: Float, text: String) {
    #expect(TapFormat.short(value) == text)
  }
}
