import Foundation
import Testing
import Wire

/// Every kind of tokenizer in a running daemon, and input whose steps are counted by themselves.
struct TokenizerKindTests {
  private static func fixture(_ name: String) -> String {
    Checkout.path("Fixtures/tokenizers/\(name)")
  }

  /// The kinds that read text, with a file of ids of their own library's, where they have one.
  private static let kinds: [(tokenizer: String, oracle: String?)] = [
    ("{ kind: bytes }", nil),
    ("{ kind: keras-tokenizer, file: \(fixture("keras/tokenizer.json")) }", "keras"),
    (
      "{ kind: text-vectorization, file: \(fixture("keras/vectorization.json")), "
        + "vocabulary: \(fixture("keras/vectorization.txt")) }", "keras"
    ),
    ("{ kind: huggingface, file: \(fixture("huggingface/wordpiece-bert.json")) }", "huggingface"),
    ("{ kind: huggingface, file: \(fixture("huggingface/bpe-roberta.json")) }", "huggingface"),
    ("{ kind: sentencepiece, file: \(fixture("sentencepiece/unigram.model")) }", "sentencepiece"),
  ]

  private struct Oracle: Decodable {
    struct Case: Decodable {
      var file: String
      var ids: [[Int32]]
    }

    var texts: [String]
    var cases: [Case]
  }

  @Test(arguments: kinds.indices)
  func theDaemonStepsTheIdsOfTheLibrary(index: Int) throws {
    let kind = TokenizerKindTests.kinds[index]
    let running = try RunningPipeline(
      PipelineText(tokenizer: kind.tokenizer, model: "Fixtures/topics/model.keras"))
    let client = try running.client()
    let seed = UInt64.random(in: 1...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let oracle = try kind.oracle.map {
      try JSONDecoder().decode(
        Oracle.self, from: Data(Checkout.text("Fixtures/tokenizers/\($0)/expected.json").utf8))
    }
    let known = oracle?.cases.first { kind.tokenizer.contains("/\($0.file)") }
    #expect((known == nil) == (kind.oracle == nil))
    let texts = oracle?.texts ?? ["Hello, \u{1F600} 물레방아\n"]
    for (number, text) in texts.prefix(22).enumerated() {
      let bytes = Array(text.utf8)
      let name = "s\(number)"
      var from = 0
      repeat {
        let to = min(bytes.count, from + Int.random(in: 1...7, using: &random))
        try client.send(
          .text(Array(bytes[from..<to])), to: name, number: UInt64(from),
          flags: to == bytes.count ? .end : [])
        from = to
      } while from < bytes.count
      let answers = try client.answersToEnd(of: name)
      let expected = known?.ids[number] ?? bytes.map(Int32.init)
      #expect(answers.flatMap(\.tokenIDs) == expected, "seed \(seed), \(text.debugDescription)")
      #expect(answers.last?.header.input == UInt64(bytes.count))
    }
    try running.stop()
  }

  @Test func aModelsOwnVectorizationIsItsTokenizer() throws {
    let model = "Fixtures/keras-layers/text-words/model.keras"
    let running = try RunningPipeline(
      PipelineText(tokenizer: "{ kind: text-vectorization }", model: model))
    let client = try running.client()
    try client.send(.text("The, xyzzy the!"), to: "a", number: 0, flags: .end)
    let ids = try client.answersToEnd(of: "a").flatMap(\.tokenIDs)
    #expect(ids.count == 3 && ids[0] == ids[2] && ids[0] > 1 && ids[1] == 1)
    try running.stop()
  }

  private func pipeline(_ tokenizer: String) -> PipelineText {
    PipelineText(tokenizer: tokenizer, model: "Fixtures/simplernn-4x9/model.keras")
  }

  @Test func lagsLeaveOutTheFirstSteps() throws {
    let plain = try RunningPipeline(pipeline("{ kind: values }"))
    let lagged = try RunningPipeline(pipeline("{ kind: values, lag: [1, 2] }"))
    let rows: [[Float]] = (0..<6).map { (row: Int) -> [Float] in
      [Float(row * 3) / 10, Float(row * 3 + 1) / 10, Float(row * 3 + 2) / 10]
    }
    var features: [[Float]] = []
    for row in 2..<6 { features.append(Array([rows[row], rows[row - 1], rows[row - 2]].joined())) }
    let client = try lagged.client()
    for (number, row) in rows.enumerated() {
      try client.send(.values([row]), to: "a", number: UInt64(number))
    }
    let answers = try client.answers(of: "a", steps: 4)
    let other = try plain.client()
    try other.send(.values(features), to: "a", number: 0)
    #expect(try answers.flatMap(\.rows) == other.answers(of: "a", steps: 4).flatMap(\.rows))
    // Steps count from 0; their input is the row that completed them.
    #expect(answers.map(\.header.number) == [0, 1, 2, 3])
    #expect(answers.map(\.header.input) == [3, 4, 5, 6])
    // A duplicate is answered from the cache, a PEEK from the rows that are kept.
    try client.send(.values([rows[5]]), to: "a", number: 5)
    #expect(try client.answers(of: "a", steps: 1).flatMap(\.rows) == [answers[3].rows[0]])
    try client.send(.values([[2, 2, 2]]), to: "a", number: 6, flags: .peek)
    #expect(try client.answers(of: "a", steps: 1)[0].header.count == 1)
    // Behind a RESET the first rows make no step again.
    try client.send(.values([[1, 1, 1], [2, 2, 2]]), to: "a", number: 6, flags: .reset)
    try client.send(.values([[3, 3, 3]]), to: "a", number: 8)
    let behind = try client.answers(of: "a", steps: 1)
    #expect(behind[0].header.number == 4 && behind[0].header.input == 9)
    try plain.stop()
    try lagged.stop()
  }

  @Test func framesComeAsBytesOrNumbers() throws {
    let running = try RunningPipeline(pipeline("{ kind: frames, shape: [3, 3, 3], grey: true }"))
    let client = try running.client()
    let frames: [[UInt8]] = (0..<4).map { (frame: Int) -> [UInt8] in
      (0..<27).map { (pixel: Int) -> UInt8 in UInt8((pixel * 37 + frame * 91) % 256) }
    }
    func send(_ pixels: [UInt8], _ stream: String, number: UInt64, count: UInt32) throws {
      var header = Header(kind: .data)
      header.number = number
      header.elementType = .uint8
      (header.count, header.width) = (count, 27)
      try client.send(header, stream: stream, payload: pixels)
    }
    try send(frames.flatMap { $0 }, "bytes", number: 0, count: 4)
    let bytes = try client.answers(of: "bytes", steps: 4).flatMap(\.rows)
    try client.send(.values(frames.map { $0.map(Float.init) }), to: "numbers", number: 0)
    #expect(try client.answers(of: "numbers", steps: 4).flatMap(\.rows) == bytes)
    for (number, frame) in frames.enumerated() {
      try send(frame, "single", number: UInt64(number), count: 1)
    }
    #expect(try client.answers(of: "single", steps: 4).flatMap(\.rows) == bytes)
    // 27 bytes are no whole number of words: the last of them counts, too.
    var changed = frames[3]
    changed[26] ^= 1
    try send(changed, "single", number: 3, count: 1)
    #expect(try client.refusals().map(\.code) == [.conflict])
    var header = Header(kind: .data)
    header.number = 4
    header.elementType = .uint8
    (header.count, header.width) = (1, 9)
    try client.send(header, stream: "single", payload: Array(repeating: 0, count: 9))
    #expect(try client.refusals().map(\.code) == [.badShape])
    try running.stop()
  }
}
