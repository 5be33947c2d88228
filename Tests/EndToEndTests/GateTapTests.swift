import Foundation
import Testing
import Wire

/// `tap/inference/gates` and `tap/inference/state`.
struct GateTapTests {
  /// What both taps said of one layer at one step.
  private struct Told {
    var gates: [[Float]] = []
    /// h, then c.
    var state: [Float] = []
  }

  /// Sends data to stream `a` once its taps are heard, and gathers what they say.
  private func watch(
    _ pipeline: PipelineText, _ data: InputData, topics: [String]
  ) throws -> (told: [String: [UInt64: Told]], answers: [ReceivedMessage], lines: [String]) {
    let folder = try TemporaryFolder()
    var pipeline = pipeline
    pipeline.sink = ["file: \(folder.file("out.jsonl"))", "values: true"]
    let running = try RunningPipeline(pipeline, isTapped: true)
    let client = try running.client()
    _ = try client.hello()
    let taps = try topics.map { try TapSubscriber(running.monitor, topic: $0, queueMessages: 0) }
    // The subscriptions have arrived when the first step is heard; that life is then over.
    let deadline = Deadline.standard
    var rounds = 0
    var heard = Set<Int>()
    while heard.count < taps.count, !deadline.hasPassed {
      try client.send(first(data), to: "warm\(rounds)", number: 0, flags: .end)
      _ = try client.answersToEnd(of: "warm\(rounds)")
      rounds += 1
      for (index, tap) in taps.enumerated() {
        if try tap.receive(within: .milliseconds(5)) != nil { heard.insert(index) }
      }
    }
    try client.send(data, to: "a", number: 0, flags: .end)
    let answers = try client.answersToEnd(of: "a")
    try client.send(first(data), to: "after", number: 0, flags: .end)
    _ = try client.answersToEnd(of: "after")
    var told: [String: [UInt64: Told]] = [:]
    for tap in taps {
      while let message = try tap.receive(within: .seconds(10)) {
        let words = message.stream.split(separator: "/").map(String.init)
        if words[3] == "after" { break }
        guard words[3] == "a" else { continue }
        if words[2] == "gates" {
          told[words[4], default: [:]][message.header.number, default: Told()].gates = message.rows
        } else {
          told[words[4], default: [:]][message.header.number, default: Told()].state =
            message.rows[0]
        }
      }
    }
    try running.stop()
    return (told, answers, try folder.lines(of: "out.jsonl"))
  }

  private func first(_ data: InputData) -> InputData {
    switch data {
    case .text(let bytes): .text(Array(bytes.prefix(1)))
    case .ids(let ids): .ids(Array(ids.prefix(1)))
    case .values(let rows): .values(Array(rows.prefix(1)))
    case .none: .none
    }
  }

  private var rows: [[Float]] {
    get throws {
      // Whose rows they are does not matter here.
      try Checkout.lines("Fixtures/motion/input.jsonl").prefix(150)
        .compactMap { line in
          let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
          return (object?["values"] as? [NSNumber])?.map(\.floatValue)
        }
    }
  }

  /// LSTM and GRU of one model: from the gates and the state before follows the state behind.
  @Test func theStateFollowsFromTheGates() throws {
    let rows = try rows
    let (told, answers, lines) = try watch(
      .motion, .values(rows), topics: ["tap/inference/gates/", "tap/inference/state/"])
    #expect(rows.count > 60 && told.count == 2)
    var cells: [Float] = []
    for (layer, steps) in told {
      #expect(steps.count == rows.count, "\(layer)")
      var before = Told()
      for number in 0..<UInt64(rows.count) {
        let step = try #require(steps[number])
        let units = step.gates[0].count
        if before.state.isEmpty { before.state = step.state.map { _ in 0 } }
        if step.gates.count == 4 {
          cells += step.state[units...]
          for unit in 0..<units {
            let (i, f) = (step.gates[0][unit], step.gates[1][unit])
            let (g, o) = (step.gates[2][unit], step.gates[3][unit])
            let c = f * before.state[units + unit] + i * g
            #expect(abs(c - step.state[units + unit]) < 1e-6)
            #expect(abs(o * Float(tanh(Double(c))) - step.state[unit]) < 1e-6)
          }
        } else {
          for unit in 0..<units {
            let (z, h) = (step.gates[0][unit], step.gates[2][unit])
            #expect(abs(z * before.state[unit] + (1 - z) * h - step.state[unit]) < 1e-6)
          }
        }
        before = step
      }
    }
    // c is nowhere but on the taps: not in the answers, not in what the sink writes.
    #expect(cells.count == 32 * rows.count)
    let secrets = Set(cells.filter { $0 != 0 }.map(\.bitPattern))
    for answer in answers {
      #expect(answer.rows.allSatisfy { $0.count == 6 })
      #expect(answer.rows.joined().allSatisfy { !secrets.contains($0.bitPattern) })
    }
    for line in lines { #expect(try OutputLine(line).values.count == 6) }
  }

  /// `SimpleRNN(units=3, input_shape=(4, 9))`: four sends, and h, three wide, is the answer itself.
  @Test func theStateOfASimpleRNNIsItsAnswer() throws {
    func values(_ file: String) throws -> [[Float]] {
      try Checkout.lines("Fixtures/simplernn-4x9/\(file)").compactMap { line in
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        guard object?["stream"] as? String == "a" else { return nil }
        return (object?["values"] as? [NSNumber])?.map(\.floatValue)
      }
    }
    let rows = try values("input.jsonl")
    let (told, answers, _) = try watch(
      PipelineText(tokenizer: "{ kind: values }", model: "Fixtures/simplernn-4x9/model.keras"),
      .values(rows), topics: ["tap/inference/state/"])
    let steps = try #require(told.values.first)
    #expect(rows.count == 4 && rows.allSatisfy { $0.count == 9 } && told.count == 1)
    let h = try (0..<UInt64(4)).map { try #require(steps[$0]).state }
    #expect(h.allSatisfy { $0.count == 3 })
    #expect(h == answers.flatMap(\.rows))
    for (row, expected) in zip(h, try values("expected.jsonl")) {
      #expect(zip(row, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(row), \(expected)")
    }
  }

  /// Who listens to everything has not asked for what costs more than a copy.
  @Test func aSubscriptionToEverythingAsksForNoGates() throws {
    let running = try RunningPipeline(.motion, isTapped: true)
    let client = try running.client()
    _ = try client.hello()
    let tap = try TapSubscriber(running.monitor, topic: "", queueMessages: 0)
    let row = try rows[0]
    let deadline = Deadline.standard
    var heard: [String] = []
    var number: UInt64 = 0
    while heard.count < 40, !deadline.hasPassed {
      try client.send(.values([row]), to: "a", number: number)
      _ = try client.answers(of: "a", steps: 1)
      number += 1
      while let message = try tap.receive(within: .milliseconds(2)) { heard.append(message.stream) }
    }
    #expect(heard.contains { $0.hasPrefix("tap/inference/output/") })
    #expect(!heard.contains { $0.contains("/gates/") || $0.contains("/state/") })
    try running.stop()
  }

  /// The numbers are Keras'.
  @Test func theyAreWhatKerasComputes() throws {
    let pipeline = PipelineText(
      tokenizer:
        "{ kind: characters, vocabulary: \(Checkout.path("Fixtures/remember/letters.txt")) }",
      model: "Fixtures/remember/model.keras", labels: "Fixtures/remember/letters.txt")
    let expected = try Checkout.lines("Fixtures/gates/gates.jsonl").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
    }
    let text = expected.compactMap { $0["letter"] as? String }.joined()
    let (told, _, _) = try watch(
      pipeline, .text(text), topics: ["tap/inference/gates/", "tap/inference/state/"])
    let steps = try #require(told.values.first)
    #expect(steps.count == expected.count && expected.count == 32)
    for (number, line) in expected.enumerated() {
      let step = try #require(steps[UInt64(number)])
      let units = step.gates[0].count
      let rows = step.gates + [Array(step.state[..<units]), Array(step.state[units...])]
      for (name, row) in zip(["i", "f", "g", "o", "h", "c"], rows) {
        let want = (line[name] as? [NSNumber])?.map(\.floatValue) ?? []
        #expect(row.count == want.count)
        for (have, want) in zip(row, want) {
          #expect(abs(have - want) < 2e-6 * (1 + abs(want)), "\(name) at \(number)")
        }
      }
    }
  }
}
