import Logging
import Testing
import Wire
import ZeroMQ

@testable import Millrace

/// What a tap passes over because its queue has no room: a hole for everybody, and counted.
struct TapHoleTests {
  /// What a subscriber of everything would have received.
  private struct Reader {
    var sequences = SequenceCounter()
    var received: [String: UInt64] = [:]
    var first: [String: UInt64] = [:]
    var last: [String: UInt64] = [:]
    var wrong: [String] = []

    mutating func read(_ record: TapRecord) throws {
      let topic = String(decoding: record.topic, as: UTF8.self)
      _ = sequences.take(TapNote(sequence: record.sequence, life: record.life), on: topic)
      received[topic, default: 0] += 1
      if first[topic] == nil { first[topic] = record.sequence }
      last[topic] = record.sequence
      let header = try Header(bytes: record.header)
      let number = record.payload.loadUnaligned(as: UInt64.self)
      if header.number != number || record.life != number / 10 { wrong.append(topic) }
    }

    /// received + lost = last - first + 1, over all topics.
    var isWhole: Bool {
      let spans = last.map { $0.value - (first[$0.key] ?? 0) + 1 }.reduce(0, +)
      return received.values.reduce(0, +) + sequences.lost == spans
    }
  }

  private static func control(_ context: Context) throws -> StageControl {
    StageControl(
      context: context, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      stop: try Signal(), ready: {}, drainIdleMilliseconds: 0, metrics: MetricsCollection(),
      guarding: EndpointGuard(), spans: .none, clock: .monotonic)
  }

  /// Waits until the tap has heard of everything that is subscribed to.
  private static func listen(_ tap: Tap, to stages: borrowing Socket<Subscribe>) throws {
    var message = Multipart()
    var poller = Poller()
    _ = tap.add(to: &poller)
    let deadline = ContinuousClock.now + .seconds(60)
    let streams = ["a", "b"].compactMap { StreamID($0) }
    while !(streams.allSatisfy { tap.topic("output", stream: $0)?.isWantedPlainly ?? false })
      || !(tap.topic("output", stream: streams[0])?.isWantedRarely ?? false)
    {
      try #require(ContinuousClock.now < deadline)
      // It is then that libzmq tells a peer inside the process what is subscribed to.
      _ = try stages.receive(into: &message)
      _ = try poller.wait(timeout: .milliseconds(10))
      try tap.readSubscriptions()
    }
  }

  @Test func whatDoesNotFitIsAHoleAndCounted() throws {
    let context = try Context()
    let feed = TapFeed(endpoint: "inproc://tap-holes")
    let stages = try Socket<Subscribe>(context)
    try stages.bind(feed.endpoint)
    let topics = ["tap/inference/", "every:3/tap/inference/output/a/"]
    for topic in topics { try stages.subscribe(topic) }
    let control = try Self.control(context)
    let tap = try Tap(control, feed: feed, stage: "inference", name: "inference-0")
    try Self.listen(tap, to: stages)
    let queue = try #require(feed.queues.first)
    let streams = ["a", "b"].compactMap { StreamID($0) }
    var reader = Reader()
    var number: UInt64 = 0
    func publish() {
      for stream in streams {
        var header = Header(kind: .answer)
        header.number = number
        withUnsafeBytes(of: number) {
          tap.publish(
            "output", stream: stream, life: number / 10, header: header, payload: $0,
            ids: .init(start: nil, count: 0))
        }
      }
      number += 1
    }
    var drains = 0
    while drains < 3 {
      // Full three times over, and then read to its end.
      while tap.hasRoom { publish() }
      for _ in 0..<500 { publish() }
      for stream in streams {
        let topic = try #require(tap.topic("output", stream: stream))
        tap.passOver(topic, count: 100)
      }
      while try queue.take({ try reader.read(TapRecord($0)) }) {}
      drains += 1
    }
    // Three of each, so that the last hole of a limit shows as well.
    for _ in 0..<3 { publish() }
    while try queue.take({ try reader.read(TapRecord($0)) }) {}
    #expect(reader.wrong.isEmpty)
    #expect(
      Set(reader.received.keys) == [
        "tap/inference/output/a/", "tap/inference/output/b/",
        "every:3/tap/inference/output/a/",
      ])
    #expect(reader.isWhole)
    #expect(reader.sequences.lost >= 3 * 2 * 600)
    #expect(reader.first.values.allSatisfy { $0 == 0 })
    #expect(reader.last["tap/inference/output/b/"] == number + 300 - 1)
    let skipped = control.metrics.registry.text.split(separator: "\n").first {
      $0.hasPrefix("millrace_tap_skipped_total{stage=\"inference-0\"}")
    }
    #expect(skipped?.split(separator: " ").last == "\(reader.sequences.lost)")
  }
}
