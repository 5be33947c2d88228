import Foundation
import Testing
import Wire

/// Streams that begin with h and c of their own, against Keras' `initial_state`.
struct StateFormTests {
  private static let folder = "Fixtures/initial-state"
  private static let pipeline = PipelineText(
    tokenizer: "{ kind: values }", model: "\(folder)/model.keras")

  private struct Line: Decodable {
    let stream: String
    let values: [Float]
    let state: [[Float]]?
  }

  private struct Sequence {
    var rows: [[Float]] = []
    var state: [Float] = []
    var expected: [[Float]] = []
  }

  private func sequence(_ stream: String) throws -> Sequence {
    func lines(_ name: String) throws -> [Line] {
      try Checkout.lines("\(Self.folder)/\(name)").map {
        try JSONDecoder().decode(Line.self, from: Data($0.utf8))
      }.filter { $0.stream == stream }
    }
    let input = try lines("input.jsonl")
    return Sequence(
      rows: input.map(\.values), state: input.first?.state?.flatMap { $0 } ?? [],
      expected: try lines("expected.jsonl").map(\.values))
  }

  private func isNear(_ rows: [[Float]], _ expected: [[Float]]) -> Bool {
    rows.count == expected.count
      && zip(rows.joined(), expected.joined()).allSatisfy { abs($0 - $1) <= 1e-5 }
  }

  private func send(
    _ data: InputData, to stream: String, state: [Float], flags: MessageFlags = .start,
    _ client: WireClient
  ) throws {
    var header = Header(kind: .data)
    header.flags = flags
    (header.elementType, header.count, header.width) = data.shape
    try client.send(parts: [
      Array(stream.utf8), client.form == .binary ? header.bytes : FriendlyHeader.encode(header),
      data.bytes, [UInt8](of: state),
    ])
  }

  @Test func eachStepIsWhatKerasGives() throws {
    let folder = try TemporaryFolder()
    let pipeline = try folder.write(
      "p.yaml", Self.pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let replay = try ChildProcess.run([
      "replay", Checkout.path("\(Self.folder)/input.jsonl"), pipeline, "--expect",
      Checkout.path("\(Self.folder)/expected.jsonl"), "--atol", "1e-5",
    ])
    #expect(replay.exitCode == 0, "\(replay.outputLines) \(replay.errorLines)")
  }

  /// Whole, step by step, behind a START of its own, and a PEEK before the first step.
  @Test(arguments: [WireClient.Form.binary, .friendly])
  func itIsTheSameHoweverItIsSent(form: WireClient.Form) throws {
    let running = try RunningPipeline(Self.pipeline)
    let client = try running.client(form)
    _ = try client.hello()
    let far = try sequence("far")
    func rows(_ answers: [ReceivedMessage]) throws -> [[Float]] {
      guard form == .friendly else { return answers.flatMap(\.rows) }
      return try answers.filter { !$0.payload.isEmpty }.flatMap { answer in
        try answer.text.split(separator: "\n").map {
          try JSONDecoder().decode(OneLine.self, from: Data($0.utf8)).values
        }
      }
    }
    try send(.values(far.rows), to: "whole", state: far.state, flags: [.start, .end], client)
    #expect(isNear(try rows(client.answersToEnd(of: "whole")), far.expected))

    try send(.none, to: "bare", state: far.state, client)
    try client.send(.values([far.rows[0]]), to: "bare", number: 0, flags: .peek)
    let peeked = try rows([client.receive(.answer, of: "bare")])
    #expect(isNear(peeked, [far.expected[0]]))
    var answered: [[Float]] = []
    for (number, row) in far.rows.enumerated() {
      let isLast = number + 1 == far.rows.count
      try client.send(
        .values([row]), to: "bare", number: UInt64(number), flags: isLast ? .end : [])
      if !isLast { answered += try rows(client.answers(of: "bare", steps: 1)) }
    }
    answered += try rows(client.answersToEnd(of: "bare"))
    #expect(isNear(answered, far.expected))
    try running.stop()
  }

  private struct OneLine: Decodable {
    let values: [Float]
  }

  /// RESET begins with zeros, as ever.
  @Test func aResetForgetsIt() throws {
    let running = try RunningPipeline(Self.pipeline)
    let client = try running.client()
    _ = try client.hello()
    let far = try sequence("far")
    let zeros = try sequence("zeros")
    try send(.values([far.rows[0]]), to: "a", state: far.state, client)
    _ = try client.answers(of: "a", steps: 1)
    try client.send(.values(zeros.rows), to: "a", number: 1, flags: [.reset, .end])
    #expect(isNear(try client.answersToEnd(of: "a").flatMap(\.rows), zeros.expected))
    // Before the first step, too.
    try send(.none, to: "b", state: far.state, client)
    try client.send(.values(zeros.rows), to: "b", number: 0, flags: [.reset, .end])
    #expect(isNear(try client.answersToEnd(of: "b").flatMap(\.rows), zeros.expected))
    try running.stop()
  }

  @Test func whatCannotBeBegunWithIsRefused() throws {
    let running = try RunningPipeline(Self.pipeline)
    let client = try running.client()
    _ = try client.hello()
    let far = try sequence("far")
    func refusal(_ state: [Float], flags: MessageFlags = .start) throws -> ReceivedMessage {
      try send(.values([far.rows[0]]), to: "a", state: state, flags: flags, client)
      return try client.receive(.refuse, of: "a")
    }
    let short = try refusal(Array(far.state.dropLast()))
    #expect(short.header.input <= short.header.number)
    let reason = try short.refusal()
    #expect(reason.code == .badShape && reason.expected == "14" && reason.received == "13")
    #expect(reason.message.hasSuffix("begins with 14: lstm h 5, lstm c 5, gru h 4"))
    var broken = far.state
    broken[3] = .nan
    #expect(try refusal(broken).refusal().code == .notFinite)
    #expect(try refusal(far.state, flags: [.start, .reset]).refusal().code == .badHeader)
    #expect(try refusal(far.state, flags: []).refusal().code == .badLength)
    // No life began, and no number was used up.
    try client.send(.values([far.rows[1]]), to: "a", number: 1)
    #expect(try client.receive(.refuse, of: "a").refusal().code == .noStart)
    try send(.values(far.rows), to: "a", state: far.state, flags: [.start, .end], client)
    #expect(isNear(try client.answersToEnd(of: "a").flatMap(\.rows), far.expected))
    try running.stop()
  }
}
