import ArgumentParser
import Foundation
import Logging
import Millrace
import ModelFiles
import Recurrence
import ZeroMQ

/// Steps a second and delays through the whole pipeline, beside an echo over the same sockets and
/// threads, and beside the model alone.
@main struct EndToEnd: AsyncParsableCommand {
  @Flag(help: "Fewer configurations and shorter runs.") var quick = false
  @Option(
    help:
      "Only this: rows, lone (the delay of a lone step), memory (of an idle stream), durability (its cost), taps (20 subscribers), pauses (by checkpoints)."
  )
  var only: Part?
  @Flag(help: "Measure the rates alone, not the delays.") var ratesOnly = false
  @Flag(help: "One JSON object a row instead of a table.") var json = false
  @Option(help: "Rounds; medians are printed.") var rounds = 3
  @Option(help: "Only these: inproc, ipc, tcp.") var transport: [String] = []
  @Option(help: "Only this number of streams.") var streams: [Int] = []
  @Option(help: "Only so many steps a message.") var steps: [Int] = []
  @Option(help: "Connections that the streams share, of rows and durability.") var connections = 4
  @Option(help: "Only these durabilities: none, os, fsync.") var durability: [String] = []

  @Option(help: "Subscribers of the taps.") var subscribers = 20
  @Option(help: "How many of them are stopped.") var stopped = 15
  @Option(help: "What they subscribe to; everything without it.") var topic = ""

  @Option(help: .private) var subscribe: String?
  @Option(help: .private) var publish: String?
  @Option(help: .private) var messagesPerSecond = 0.0

  enum Part: String, CaseIterable, ExpressibleByArgument {
    case rows, lone, memory, durability, pauses, taps
  }

  private struct Row: Encodable {
    var transport: String
    var streams: Int
    var stepsPerMessage: Int
    var stepsPerSecond: Double
    var echoStepsPerSecond: Double
    var bareStepsPerSecond: Double
    /// Medians of the rounds' ratios: what they divide was measured one behind the other.
    var ofBare, ofEcho: Double
    /// Microseconds at 30 % of the rate above: from due to answered.
    var p50, p99, p999: Double
    var echoP50, echoP99, echoP999: Double
  }

  func run() async throws {
    if let subscribe { return try TapTally.subscribe(to: subscribe, topic: topic) }
    if let publish {
      return try UnrelatedPublisher.publish(at: publish, messagesPerSecond: messagesPerSecond)
    }
    if only == .taps { return try await watch() }
    if only == .memory { return try await measureMemory() }
    if only == .durability { return try await compareDurability() }
    if only == .pauses { return try await measurePauses() }
    let transports = transport.isEmpty ? ["inproc", "ipc", "tcp"] : transport
    if only == .lone { return try await lone(transports) }
    let streams = !streams.isEmpty ? streams : quick ? [1, 128] : [1, 8, 128, 512]
    let steps = !steps.isEmpty ? steps : quick ? [1, 8] : [1, 8, 64]
    if !json {
      print(
        "transport streams steps/msg    steps/s  of bare  of echo   p50 us (echo)     p99 us (echo)   p99.9 us (echo)"
      )
    }
    for transport in transports {
      for streamCount in streams {
        for stepCount in steps { try await row(transport, streamCount, stepCount) }
      }
    }
    if !ratesOnly, only == nil { try await lone(transports) }
  }

  private func row(_ transport: String, _ streams: Int, _ steps: Int) async throws {
    let model = try BenchModel.lstm.make()
    var bare: [Double] = []
    var rates: [BenchModel: [Double]] = [:]
    var delays: [BenchModel: [Double]] = [:]
    let seconds = quick ? 0.6 : 1.0
    let isRateOnly = ratesOnly
    let connections = connections
    for _ in 0..<rounds {
      bare.append(
        BenchModel.lstm.bareStepsPerSecond(model, streams: min(64, streams), seconds: 0.3))
      for kind in [BenchModel.lstm, .echo] {
        let measured: (Double, [Double]) = try await BenchPipeline.run(kind, over: transport) {
          context, endpoint in
          let client = try LoadClient(
            context, endpoint: endpoint, streams: streams, vocabulary: BenchModel.vocabulary,
            connections: connections)
          let rate = try client.saturate(
            stepsPerMessage: steps, window: max(2 * streams * steps, 1024), seconds: seconds)
          if isRateOnly { return (rate, []) }
          let perSecond = 0.3 * rate / Double(steps)
          let delays = try client.pace(
            stepsPerMessage: steps, messagesPerSecond: perSecond,
            messages: max(200, Int(perSecond * seconds)))
          return (rate, delays)
        }
        rates[kind, default: []].append(measured.0)
        delays[kind, default: []] += measured.1
      }
    }
    let own = rates[.lstm] ?? []
    let echoes = rates[.echo] ?? []
    let sorted = (delays[.lstm] ?? []).sorted()
    let echoSorted = (delays[.echo] ?? []).sorted()
    let row = Row(
      transport: transport, streams: streams, stepsPerMessage: steps,
      stepsPerSecond: Self.median(own), echoStepsPerSecond: Self.median(echoes),
      bareStepsPerSecond: Self.median(bare), ofBare: Self.median(zip(own, bare).map { $0 / $1 }),
      ofEcho: Self.median(zip(own, echoes).map { $0 / $1 }), p50: Self.part(sorted, 0.5),
      p99: Self.part(sorted, 0.99), p999: Self.part(sorted, 0.999),
      echoP50: Self.part(echoSorted, 0.5), echoP99: Self.part(echoSorted, 0.99),
      echoP999: Self.part(echoSorted, 0.999))
    if json {
      print(String(decoding: try JSONEncoder().encode(row), as: UTF8.self))
    } else {
      print(
        String(
          format: "%-9@ %7d %9d %10.0f %8.2f %8.2f %8.0f (%5.0f) %8.0f (%6.0f) %8.0f (%6.0f)",
          transport as NSString, streams, steps, row.stepsPerSecond, row.ofBare, row.ofEcho,
          row.p50, row.echoP50, row.p99, row.echoP99, row.p999, row.echoP999))
    }
  }

  /// What a store costs: each durability in turn, over ipc.
  private func compareDurability() async throws {
    // The last one keeps its output lines too.
    let kinds = durability.isEmpty ? ["none", "os", "fsync", "os, history: 10m"] : durability
    let streams = streams.first ?? 128
    let connections = connections
    for steps in steps.isEmpty ? [1, 8, 64] : steps {
      var rates: [String: [Double]] = [:]
      var delays: [String: [Double]] = [:]
      for _ in 0..<rounds {
        for kind in kinds {
          rates[kind, default: []].append(
            try await BenchPipeline.run(.lstm, over: "ipc", durability: kind) {
              try LoadClient(
                $0, endpoint: $1, streams: streams, vocabulary: BenchModel.vocabulary,
                connections: connections
              ).saturate(
                stepsPerMessage: steps, window: max(2 * streams * steps, 1024), seconds: 2)
            })
          delays[kind, default: []] +=
            try await BenchPipeline.run(.lstm, over: "ipc", durability: kind) {
              try LoadClient($0, endpoint: $1, streams: 1, vocabulary: BenchModel.vocabulary)
                .pace(stepsPerMessage: steps, messagesPerSecond: 100, messages: 200)
            }
        }
      }
      let none = Self.median(rates["none"] ?? [])
      for kind in kinds {
        let rate = Self.median(rates[kind] ?? [])
        let sorted = (delays[kind] ?? []).sorted()
        print(
          String(
            format:
              "%-16@ %4d streams %3d steps/msg %10.0f steps/s, none/this %.2f; lone p50 %.0f us, p99 %.0f us",
            kind as NSString, streams, steps, rate, none / rate, Self.part(sorted, 0.5),
            Self.part(sorted, 0.99)))
      }
    }
  }

  /// Whether checkpoints show: delays of 10,000 live streams that send one step a second each, a
  /// checkpoint of every one of them once a second.
  private func measurePauses() async throws {
    let kinds = durability.isEmpty ? ["none", "os", "fsync"] : durability
    let count = streams.first ?? 10_000
    var delays: [String: [Double]] = [:]
    for _ in 0..<rounds {
      for kind in kinds {
        delays[kind, default: []] +=
          try await BenchPipeline.run(.lstm, over: "ipc", durability: kind) {
            let client = try LoadClient(
              $0, endpoint: $1, streams: count, vocabulary: BenchModel.vocabulary)
            _ = try client.pace(
              stepsPerMessage: 1, messagesPerSecond: Double(count), messages: 2 * count,
              spins: false)
            return try client.pace(
              stepsPerMessage: 1, messagesPerSecond: Double(count), messages: 6 * count,
              spins: false)
          }
      }
    }
    for kind in kinds {
      let sorted = (delays[kind] ?? []).sorted()
      print(
        String(
          format: "%-6@ %d streams: p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, most %.2f ms",
          kind as NSString, count, Self.part(sorted, 0.5) / 1000, Self.part(sorted, 0.99) / 1000,
          Self.part(sorted, 0.999) / 1000, (sorted.last ?? .nan) / 1000))
    }
  }

  /// What subscribers cost, 15 of 20 of them stopped.
  private func watch() async throws {
    var load = TapLoad()
    load.rounds = rounds
    (load.subscribers, load.stopped, load.topic) = (subscribers, stopped, topic)
    if quick { load.seconds = 1 }
    if let streams = streams.first { load.streams = streams }
    if let steps = steps.first { load.stepsPerMessage = steps }
    let report = try await load.run()
    if json {
      print(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
    } else {
      print(
        String(
          format: "%d streams, %d steps/msg, 30 %% of %.0f steps/s: p50 %.0f us alone, "
            + "%.0f us with %d subscribers (%d stopped), ratio %.2f; p99 %.0f and %.0f us; "
            + "%llu received, %.0f a second by one, %llu holes, %d topics that do not add up; "
            + "%.0f us beside as many readers of another publisher, ratio %.2f to it, p99 %.0f us",
          load.streams, load.stepsPerMessage, report.stepsPerSecond, report.p50Alone,
          report.p50Watched, load.subscribers, load.stopped, report.p50Ratio, report.p99Alone,
          report.p99Watched, report.received, report.receivedPerSecond, report.holes,
          report.wrongTopics, report.p50Beside, report.p50RatioToBeside, report.p99Beside))
    }
    if report.wrongTopics > 0 || report.p50Ratio > 1.1 { throw ExitCode(1) }
  }

  /// One step at a time, 200 a second: what a lone answer takes.
  private func lone(_ transports: [String]) async throws {
    for transport in transports {
      var medians: [BenchModel: [Double]] = [:]
      for _ in 0..<max(rounds, 5) {
        for kind in [BenchModel.lstm, .echo] {
          let delays = try await BenchPipeline.run(kind, over: transport) { context, endpoint in
            let client = try LoadClient(
              context, endpoint: endpoint, streams: 1, vocabulary: BenchModel.vocabulary)
            return try client.pace(stepsPerMessage: 1, messagesPerSecond: 200, messages: 200)
          }
          medians[kind, default: []].append(Self.part(delays, 0.5))
        }
      }
      let own = Self.median(medians[.lstm] ?? [])
      let echo = Self.median(medians[.echo] ?? [])
      if json {
        print(
          "{\"lone\":\"\(transport)\",\"p50\":\(own),\"echoP50\":\(echo),\"ratio\":\(own / echo)}")
      } else {
        print(
          String(
            format: "a lone step over %@: p50 %.0f us, echo %.0f us, ratio %.2f",
            transport as NSString, own, echo, own / echo))
      }
    }
  }

  /// What 10,000 streams that have taken one step each keep in memory.
  private func measureMemory() async throws {
    let count = 10_000
    let bytes = try await BenchPipeline.run(.lstm, over: "inproc") { context, endpoint in
      let warm = try LoadClient(
        context, endpoint: endpoint, streams: 1, vocabulary: BenchModel.vocabulary)
      // Fills the shared ring of answers.
      _ = try warm.saturate(stepsPerMessage: 1, window: 1024, seconds: 6)
      let client = try LoadClient(
        context, endpoint: endpoint, streams: count - 1, vocabulary: BenchModel.vocabulary,
        prefix: "camera-")
      let before = try residentBytes()
      _ = try client.pace(stepsPerMessage: 1, messagesPerSecond: 20_000, messages: count - 1)
      return Double(try residentBytes() - before) / Double(count - 1)
    }
    let state = try BenchModel.lstm.make().stateLayout.paddedCount * 4
    if json {
      print("{\"idleStreamBytes\":\(Int(bytes)),\"stateBytes\":\(state)}")
      return
    }
    print(
      "an idle stream: \(Int(bytes)) bytes, its state \(state) and its name 8 to 11 among them")
  }

  private static func median(_ values: [Double]) -> Double { part(values.sorted(), 0.5) }

  private static func part(_ sorted: [Double], _ share: Double) -> Double {
    sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
  }
}

/// VmRSS of this process.
private func residentBytes() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
    let value = Int(line.filter(\.isNumber))
  else { throw BenchError("no VmRSS") }
  return value * 1024
}
