import Testing
import Wire

/// Promise 3: a stream's lines are the same bytes alone or among others, however its input is cut,
/// by however many workers and processes.
struct SameBitsTests {
  /// One way to run the same pipeline.
  struct Layout: CustomTestStringConvertible {
    var workers: Int
    var transport: RunningPipeline.Transport
    var isSplit: Bool
    var form: WireClient.Form

    var testDescription: String {
      "\(workers) workers, \(isSplit ? "three processes" : "one process"), \(transport), \(form)"
    }
  }

  static let layouts = [
    Layout(workers: 1, transport: .ipc, isSplit: false, form: .friendly),
    Layout(workers: 2, transport: .tcp, isSplit: false, form: .friendly),
    Layout(workers: 1, transport: .ipc, isSplit: true, form: .friendly),
    Layout(workers: 2, transport: .tcp, isSplit: true, form: .binary),
    Layout(workers: 2, transport: .ipc, isSplit: true, form: .friendly),
  ]

  /// A pipeline with a token of one, two, three and four bytes, and one that composes.
  private static var text: PipelineText {
    var pipeline = PipelineText.hello
    pipeline.tokenizer = "{ kind: characters, vocabulary: [h, é, 한, 🙂, o] }"
    pipeline.labels = nil
    return pipeline
  }

  private static let tokens = ["h", "é", "한", "🙂", "o", "\u{1112}\u{1161}\u{11ab}"]

  private func texts(_ generator: inout SeededGenerator) -> [String: InputData] {
    var streams: [String: InputData] = [:]
    for index in 0..<54 {
      let characters = (0..<Int.random(in: 0...24, using: &generator)).map { _ in
        Self.tokens.randomElement(using: &generator) ?? ""
      }
      streams["text-\(index)"] = .text(characters.joined())
    }
    return streams
  }

  private func rows(_ generator: inout SeededGenerator) throws -> [String: InputData] {
    var recorded: [String: [[Float]]] = [:]
    for line in try Checkout.lines("Fixtures/motion/input.jsonl") {
      let line = try OutputLine(line)
      recorded[line.stream, default: []].append(line.values)
    }
    #expect(recorded.count == 3)
    var streams = recorded.mapValues { InputData.values($0) }
    for index in 0..<50 {
      let rows = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
        (0..<9).map { _ in Float.random(in: -2...2, using: &generator) }
      }
      streams["other-\(index)"] = .values(rows)
    }
    return streams
  }

  /// The lines of each stream when it is alone, one message, one worker, one process.
  private func linesAlone(_ pipeline: PipelineText, _ streams: [String: InputData]) throws
    -> [String: [String]]
  {
    let running = try RunningPipeline(pipeline)
    let client = try running.client(.friendly)
    var lines: [String: [String]] = [:]
    for (stream, data) in streams.sorted(by: { $0.key < $1.key }) {
      lines[stream] = try client.carryOut(Cut.whole(data, of: stream))[stream]?
        .filter { !$0.payload.isEmpty }.map(\.text)
    }
    return lines
  }

  private func check(
    _ pipeline: PipelineText, _ streams: [String: InputData], _ expected: [String: [String]],
    _ layout: Layout, _ generator: inout SeededGenerator
  ) throws {
    let folder = try TemporaryFolder()
    var pipeline = pipeline
    pipeline.workers = layout.workers
    pipeline.sink.append("file: \(folder.file("out.jsonl"))")
    let running = try RunningPipeline(
      pipeline, over: layout.transport, isSplit: layout.isSplit)
    let client = try running.client(layout.form)
    let plans = streams.sorted { $0.key < $1.key }
      .map { Cut.random($0.value, of: $0.key, using: &generator) }
    let answers = try client.carryOut(Cut.interleaved(plans, using: &generator))
    try running.stop()
    #expect(expected.count == streams.count)
    let written = try Dictionary(
      grouping: folder.lines(of: "out.jsonl"), by: { try OutputLine($0).stream })
    for (stream, lines) in expected {
      #expect(
        (written[stream] ?? []) == lines, "\(stream) in the file, seed \(generator.seed)")
      let replies = (answers[stream] ?? []).filter { !$0.payload.isEmpty }
      switch layout.form {
      case .friendly:
        #expect(replies.map(\.text) == lines, "\(stream) in replies, seed \(generator.seed)")
      case .binary:
        #expect(
          try replies.flatMap(\.rows) == lines.map { try OutputLine($0).values },
          "\(stream) in replies, seed \(generator.seed)")
      }
    }
  }

  @Test(arguments: layouts)
  func textIsTheSameHoweverItIsCutAndRun(layout: Layout) throws {
    var generator = SeededGenerator.fresh(for: "SameBitsTests, text")
    let streams = texts(&generator)
    let expected = try linesAlone(Self.text, streams)
    #expect(expected.values.reduce(0) { $0 + $1.count } > 300)
    try check(Self.text, streams, expected, layout, &generator)
  }

  @Test(arguments: layouts)
  func numbersAreTheSameHoweverTheyAreCutAndRun(layout: Layout) throws {
    var generator = SeededGenerator.fresh(for: "SameBitsTests, numbers")
    var pipeline = PipelineText.motion
    pipeline.sink = ["values: true"]
    let streams = try rows(&generator)
    let expected = try linesAlone(pipeline, streams)
    #expect(streams.allSatisfy { expected[$0.key]?.count == $0.value.count })
    try check(pipeline, streams, expected, layout, &generator)
  }

  /// Answers rarer than steps depend on the steps alone, not on the messages.
  @Test(arguments: ["emit: { every: 3 }", "emit: at-end", "state: { reset-every: 5 }"])
  func rarerAnswersAreTheSameHoweverInputIsCut(setting: String) throws {
    var generator = SeededGenerator.fresh(for: "SameBitsTests, \(setting)")
    var pipeline = Self.text
    pipeline.more = [setting]
    let streams = texts(&generator)
    let expected = try linesAlone(pipeline, streams)
    try check(pipeline, streams, expected, Self.layouts[1], &generator)
  }

  @Test func wordsAreTheSameHoweverTheyAreCut() throws {
    var generator = SeededGenerator.fresh(for: "SameBitsTests, words")
    let pipeline = PipelineText(
      tokenizer: "{ kind: words, vocabulary: \(Checkout.path("Fixtures/topics/vocabulary.txt")), "
        + "first-id: 3, start-token: 1, unknown: 2 }",
      model: "Fixtures/topics/model.keras", labels: "Fixtures/topics/labels.txt")
    let words = try Checkout.lines("Fixtures/topics/vocabulary.txt")
    var streams: [String: InputData] = [:]
    for index in 0..<12 {
      let text = (0..<12).map { _ in
        (words.randomElement(using: &generator) ?? "")
          + ([" ", "  ", ", ", "é ", "\n"].randomElement(using: &generator) ?? "")
      }
      streams["news-\(index)"] = .text(text.joined())
    }
    let expected = try linesAlone(pipeline, streams)
    try check(pipeline, streams, expected, Self.layouts[1], &generator)
  }
}
