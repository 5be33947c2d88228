import Foundation
import Testing
import Wire

/// What senders do wrong, row by row of the table in Docs/reliability.md: each gets its answer, and
/// the state is as if it had not happened.
struct SenderFaultTests {
  private static let steps = PipelineText(
    tokenizer: "{ kind: one-hot }", model: "Fixtures/hello/model.keras")

  private func rows(_ data: InputData, of stream: String, by client: WireClient) throws
    -> [[Float]]
  {
    try client.send(data, to: stream, number: 0, flags: .end)
    return try client.answersToEnd(of: stream).flatMap(\.rows)
  }

  @Test("fault 8: a whole window that is sent again is answered again, counted, and takes no step")
  func aWholeWindowSentAgainTakesNoStep() throws {
    var pipeline = Self.steps
    pipeline.more = ["http: 127.0.0.1:0"]
    let running = try RunningPipeline(pipeline)
    let http = try HTTPClient(running.daemon)
    let client = try running.client()
    let ids = (0..<1025).map { Int32($0 % 5) }
    func sendWindow() throws -> [[Float]] {
      // The welcome begins a new count of credit.
      #expect(try client.hello(["a": nil]).credit >= 1024)
      for from in stride(from: 0, to: 1024, by: 64) {
        try client.send(.ids(Array(ids[from..<from + 64])), to: "a", number: UInt64(from))
      }
      return try client.answers(of: "a", steps: 1024).flatMap(\.rows)
    }
    let first = try sendWindow()
    #expect(try sendWindow() == first)
    _ = try client.hello(["a": nil])
    try client.send(.ids([ids[1024]]), to: "a", number: 1024)
    let next = try client.answers(of: "a", steps: 1).flatMap(\.rows)
    _ = try http.wait(for: "millrace_answers_repeated_total") { $0 == 1024 }
    let undisturbed = try running.client()
    try undisturbed.hello()
    try undisturbed.send(.ids(Array(ids[..<1024])), to: "b", number: 0)
    #expect(try undisturbed.answers(of: "b", steps: 1024).flatMap(\.rows) == first)
    try undisturbed.send(.ids([ids[1024]]), to: "b", number: 1024)
    #expect(try undisturbed.answers(of: "b", steps: 1).flatMap(\.rows) == next)
  }

  /// Two producers share a stream, and their messages overtake each other; whoever is refused or
  /// passed over sends again what the daemon still expects.
  @Test("fault 10: messages that two connections reorder come into order by sending again")
  func messagesOfTwoConnectionsComeIntoOrder() throws {
    let running = try RunningPipeline(.hello)
    var generator = SeededGenerator.fresh(for: "SenderFaultTests")
    let text = (0..<60).map { _ in "helo".randomElement(using: &generator).map(String.init) ?? "" }
    let clients = try (0..<2).map { _ in try running.client() }
    var labels: [UInt64: [Float]] = [:]
    var expected: UInt64 = 0
    var rounds = 0
    while expected < 60 {
      rounds += 1
      try #require(rounds <= 60, "at \(expected)")
      var window = Array(Int(expected)..<min(60, Int(expected) + 6))
      window.shuffle(using: &generator)
      for number in window {
        let client = try #require(clients.randomElement(using: &generator))
        try client.send(.text(text[number]), to: "a", number: UInt64(number))
        let refusals = try client.refusals()
        #expect(refusals.allSatisfy { [.gap, .noStart].contains($0.code) }, "\(refusals)")
      }
      // Whoever greets gets the answers, also those that the other missed.
      let wanted = UInt64(labels.count)
      expected = try clients[0].hello(["a": wanted]).streams["a"]?.expected ?? 0
      // What is cached and what has just been computed may both come.
      while labels.count < Int(expected) {
        let answer = try clients[0].receive(.answer, of: "a")
        for (index, row) in answer.rows.enumerated() {
          labels[answer.header.number + UInt64(index)] = row
        }
      }
    }
    let alone = try rows(.text(text.joined()), of: "b", by: try running.client())
    #expect((0..<60).map { labels[$0] ?? [] } == alone)
  }

  @Test("fault 14: END inside a word or half a character takes what is there")
  func endInsideAWordOrHalfACharacterTakesWhatIsThere() throws {
    let vocabulary = Checkout.path("Fixtures/topics/vocabulary.txt")
    let words = try RunningPipeline(
      PipelineText(
        tokenizer: "{ kind: words, vocabulary: \(vocabulary), start-token: 1, unknown: 2, "
          + "first-id: 3 }",
        model: "Fixtures/topics/model.keras"))
    let client = try words.client()
    let cut = try rows(.text("oil prices ro"), of: "a", by: client)
    // The start token, two words, and what there is of the third: no word of the vocabulary.
    #expect(cut.count == 4)
    #expect(cut == (try rows(.text("oil prices ro "), of: "b", by: client)))

    var pipeline = PipelineText.hello
    pipeline.tokenizer = pipeline.tokenizer.replacing(" }", with: ", unknown: 4 }")
    let characters = try RunningPipeline(pipeline)
    let other = try characters.client()
    try other.send(.text(Array("he".utf8) + [0xed, 0x95]), to: "a", number: 0, flags: .end)
    let half = try other.answersToEnd(of: "a")
    #expect(half.flatMap(\.tokenIDs) == [0, 1, 4])
    #expect(half.last?.header.input == 4)
    #expect(half.flatMap(\.rows) == (try rows(.text("he\u{FFFD}"), of: "b", by: other)))
  }

  @Test("fault 15: decomposed Hangul, cut at every byte, gives what composed Hangul gives")
  func decomposedHangulGivesWhatComposedGives() throws {
    let vocabulary = Checkout.path("Fixtures/reviews-ko/vocabulary.txt")
    let running = try RunningPipeline(
      PipelineText(
        tokenizer: "{ kind: characters, vocabulary: \(vocabulary), first-id: 2, unknown: 1, "
          + "normalization: hangul, invalid-utf8: replace }",
        model: "Fixtures/reviews-ko/model.keras"))
    let client = try running.client()
    let text = "\u{CC98}\u{C74C}\u{C5D0}\u{B294} \u{C9C0}\u{B8E8}"
    let composed = try rows(.text(text), of: "a", by: client)
    #expect(composed.count == 7)
    let decomposed = Array(text.decomposedStringWithCanonicalMapping.utf8)
    #expect(decomposed.count > text.utf8.count)
    for (number, byte) in decomposed.enumerated() {
      try client.send(.text([byte]), to: "b", number: UInt64(number))
    }
    try client.send(.none, to: "b", number: UInt64(decomposed.count), flags: .end)
    #expect(try client.answersToEnd(of: "b").flatMap(\.rows) == composed)
    // With `replace`, bytes that are no text are the unknown character.
    let replaced = try rows(.text(Array("\u{CC98}".utf8) + [0xff]), of: "c", by: client)
    #expect(replaced == (try rows(.text("\u{CC98}\u{FFFD}"), of: "d", by: client)))
  }

  @Test("fault 16: an unknown word is the unknown token")
  func anUnknownWordIsTheUnknownToken() throws {
    let vocabulary = Checkout.path("Fixtures/topics/vocabulary.txt")
    let running = try RunningPipeline(
      PipelineText(
        tokenizer: "{ kind: words, vocabulary: \(vocabulary), unknown: 2, first-id: 3 }",
        model: "Fixtures/topics/model.keras"))
    let client = try running.client()
    try client.send(.text("oil qqzzqq prices"), to: "a", number: 0, flags: .end)
    let ids = try client.answersToEnd(of: "a").flatMap(\.tokenIDs)
    #expect(ids.count == 3 && ids[1] == 2 && ids[0] > 2 && ids[2] > 2, "\(ids)")
  }

  @Test("fault 18: sizes that overflow, are zero or absurd are refused before anything is taken")
  func absurdSizesAreRefusedBeforeAnythingIsTaken() throws {
    let running = try RunningPipeline(.motion)
    let client = try running.client()
    let row = [UInt8](of: [Float](repeating: 0.5, count: 9))
    func sendAll() throws {
      for (count, width) in [
        (UInt32.max, UInt32.max), (.max, 1), (1, .max), (1 << 31, 1 << 31), (1 << 30, 9),
        (0, 9), (0, .max), (9, 0), (.max, 0), (2, 9),
      ] {
        var header = Header(kind: .data)
        (header.elementType, header.count, header.width) = (.float32, count, width)
        try client.send(header, stream: "a", payload: row)
        let refusals = try client.refusals()
        #expect(refusals.map(\.code) == [.badLength], "\(count) x \(width): \(refusals)")
        #expect(refusals.first?.message.contains("36 bytes") == true)
      }
    }
    try sendAll()
    let before = try running.daemon.process.residentKiB()
    for _ in 0..<20 { try sendAll() }
    let after = try running.daemon.process.residentKiB()
    if !Checkout.isSanitized {
      #expect(after - before < 4 * 1024, "from \(before) KiB to \(after) KiB")
    }
    // No number was used up.
    try client.send(.values([[Float](repeating: 0.5, count: 9)]), to: "a", number: 0)
    #expect(try client.answers(of: "a", steps: 1)[0].header.number == 0)
  }

  /// What stands for NaN, and what its step is the same as.
  struct Policy: CustomTestStringConvertible {
    let name: String
    let stands: [Float]

    var testDescription: String { name }
  }

  @Test(
    "fault 19: NaN is refused and counted, or stands for what the file says",
    arguments: [
      Policy(name: "previous", stands: [0.5, 0.25]), Policy(name: "zero", stands: [0.5, 0]),
    ])
  func nanIsRefusedOrStandsForWhatTheFileSays(policy: Policy) throws {
    var pipeline = PipelineText.motion
    pipeline.tokenizer = "{ kind: values, missing: \(policy.name) }"
    pipeline.more = ["http: 127.0.0.1:0"]
    let running = try RunningPipeline(pipeline)
    let client = try running.client()
    let first: [Float] = [0.5, 0.25] + [Float](repeating: 0, count: 7)
    var holed = first
    holed[1] = .nan
    let filled = policy.stands + [Float](repeating: 0, count: 7)
    let filledRows = try rows(.values([first, filled, first]), of: "b", by: client)
    #expect(try rows(.values([first, holed, first]), of: "a", by: client) == filledRows)
    // Infinity is no missing value.
    var infinite = first
    infinite[3] = .infinity
    try client.send(.values([infinite]), to: "c", number: 0)
    #expect(try client.refusals().map(\.code) == [.notFinite])
    let http = try HTTPClient(running.daemon)
    _ = try http.wait(for: "millrace_refused_total{code=\"not-finite\"}") { $0 == 1 }
  }
}
