import Testing
import Wire

/// Messages that are in order and cannot be applied: their numbers are used up, the rest goes on.
struct RefusedContentTests {
  private static let row = [Float](repeating: 0.25, count: 9)

  @Test(
    "fault 17, 19: a row of another width or with NaN is refused, and the state is as without it")
  func aRefusedStepIsAnsweredByItsRefusalAndTheNextGoesOn() throws {
    let running = try RunningPipeline(.motion)
    let client = try running.client()
    try client.send(.values([Self.row]), to: "a", number: 0)
    var broken = Self.row
    broken[4] = .nan
    try client.send(.values([Self.row, broken]), to: "a", number: 1)
    try client.send(.values([Array(Self.row.dropLast())]), to: "a", number: 3)
    try client.send(.values([Self.row]), to: "a", number: 4, flags: .end)
    // The same two steps in a stream without the refused ones.
    try client.send(.values([Self.row, Self.row]), to: "b", number: 0, flags: .end)
    let refusals = try [client.receive(.refuse, of: "a"), client.receive(.refuse, of: "a")]
    #expect(refusals.map(\.header.number) == [1, 3])
    let codes = try refusals.map { try $0.refusal() }
    #expect(codes.map(\.code) == [.notFinite, .badShape])
    #expect(codes.map(\.retry) == [false, false])
    #expect(codes[0].message.contains("value 4 of number 2 is nan"))
    #expect(codes[1].message.contains("8 values") && codes[1].message.contains("takes 9"))
    let a = try client.answersToEnd(of: "a").filter { $0.header.count > 0 }
    let b = try client.answersToEnd(of: "b").filter { $0.header.count > 0 }
    #expect(a.flatMap(\.rows) == b.flatMap(\.rows))
    // With values a step has its input's number.
    #expect(a.map(\.header.number) == [0, 4])
    #expect(a.map(\.header.input) == [1, 5])
  }

  @Test func theSameBytesGetTheSameRefusalAgain() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    try client.send(.text("h"), to: "a", number: 0)
    try client.send(.text("z"), to: "a", number: 1)
    try client.send(.text("e"), to: "a", number: 2)
    let first = try client.refusals()
    #expect(first.map(\.code) == [.badToken])
    try client.send(.text("z"), to: "a", number: 1)
    #expect(try client.refusals() == first)
    // Sound bytes for a number that is used up are not applied in its place.
    try client.send(.text("l"), to: "a", number: 1)
    #expect(try client.refusals().map(\.code) == [.conflict])
    #expect(try client.hello(["a": nil]).streams["a"]?.expected == 3)
  }

  @Test func aDuplicateBehindARefusedNumberFindsItsAnswer() throws {
    let running = try RunningPipeline(.motion)
    let client = try running.client()
    var broken = Self.row
    broken[0] = .infinity
    try client.send(.values([broken]), to: "a", number: 0)
    try client.send(.values([Self.row, Self.row]), to: "a", number: 1)
    _ = try client.receive(.refuse, of: "a")
    let first = try client.answers(of: "a", steps: 2)
    try client.send(.values([Self.row]), to: "a", number: 2)
    try client.send(.none, to: "a", number: 3, flags: .end)
    let again = try client.answersToEnd(of: "a").filter { $0.header.count > 0 }
    #expect(again.flatMap(\.rows).last == first.flatMap(\.rows).last)
    #expect(again.allSatisfy { $0.header.input == 3 })
  }

  @Test("fault 15: invalid text is refused and the stream goes on")
  func invalidTextIsRefusedAndTheStreamGoesOn() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client(.friendly)
    try client.send(.text("he"), to: "a", number: 0)
    try client.send(.text([0xc0, 0x80]), to: "a", number: 2)
    try client.send(.text("ll"), to: "a", number: 4, flags: .end)
    let refusal = try client.receive(.refuse, of: "a")
    #expect(refusal.header.number == 2)
    #expect(try refusal.refusal().code == .badText)
    let answers = try client.answersToEnd(of: "a").filter { !$0.payload.isEmpty }
    #expect(try answers.map { try OutputLine($0.text).label } == ["e", "l", "l", "o"])
  }

  /// Faulty text cut at random: the same answers, and the same numbers refused.
  @Test(arguments: ["characters", "words"])
  func whatABadCharacterCostsDoesNotDependOnTheCut(kind: String) throws {
    var pipeline = PipelineText.hello
    var text = Array("hez lzzl\u{1112}\u{1161}o ".utf8)
    if kind == "words" {
      pipeline = PipelineText(
        tokenizer: "{ kind: words, vocabulary: \(Checkout.path("Fixtures/topics/vocabulary.txt")), "
          + "start-token: 1, first-id: 3 }",
        model: "Fixtures/topics/model.keras", labels: "Fixtures/topics/labels.txt")
      text = Array("oil prices qqzzqq rose  zzqz zzqq".utf8)
    }
    text += [0xff, 0xc3] + text + [0xed, 0x95]
    let running = try RunningPipeline(pipeline)
    var generator = SeededGenerator.fresh(for: "RefusedContentTests, \(kind)")
    var whole: (labels: [[Float]], refused: Set<UInt64>)?
    for life in 0..<12 {
      let client = try running.client()
      let data = InputData.text(text)
      let plan =
        life == 0
        ? Cut.whole(data, of: "a") : Cut.random(data, of: "a", using: &generator)
      for (index, message) in plan.enumerated() {
        try client.send(
          message.data, to: "a", number: message.number,
          flags: index == 0 ? message.flags.union(.start) : message.flags,
          epoch: UInt64(life + 1))
      }
      var labels: [[Float]] = []
      var refused = Set<UInt64>()
      var isEnded = false
      while !isEnded {
        let message = try client.receive()
        switch message.header.kind {
        case .answer:
          labels += message.rows
          isEnded = message.isLast
        case .refuse:
          let code = try message.refusal().code
          #expect([.badText, .badToken].contains(code))
          try #require(message.header.number < message.header.input, "\(message)")
          refused.formUnion(message.header.number..<message.header.input)
        default: break
        }
      }
      if let whole {
        #expect(labels == whole.labels)
        #expect(refused == whole.refused)
      } else {
        whole = (labels, refused)
        #expect(!labels.isEmpty && !refused.isEmpty)
      }
    }
  }

  @Test func manyFaultsInOneMessageHaveAFewRefusals() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    let text = String(repeating: "hz", count: 200)
    try client.send(.text(text), to: "a", number: 0)
    let refusals = try client.refusals()
    #expect(refusals.count == 16)
    #expect(refusals.last?.message.contains("184 more parts") == true)
    #expect(try client.answers(of: "a", steps: 200).flatMap(\.tokenIDs).allSatisfy { $0 == 0 })
  }

  @Test("fault 16: a token id outside the model is refused")
  func aTokenIDOutsideTheModelIsRefused() throws {
    let pipeline = PipelineText(tokenizer: "{ kind: one-hot }", model: "Fixtures/hello/model.keras")
    let running = try RunningPipeline(pipeline)
    let client = try running.client()
    for (number, id) in [Int32(5), -1, .max, .min].enumerated() {
      try client.send(.ids([0, id]), to: "a", number: UInt64(number * 2))
    }
    let refusals = try client.refusals()
    #expect(refusals.map(\.code) == [.badToken, .badToken, .badToken, .badToken])
    #expect(refusals.first?.message.contains("token id 5 at number 1") == true)
    try client.send(.ids([0]), to: "a", number: 8)
    #expect(try client.answers(of: "a", steps: 1)[0].header.number == 8)
  }

  @Test("fault 17: another dtype is refused and uses no number up")
  func anotherDTypeUsesNoNumberUp() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    try client.send(.values([[1, 0, 0, 0, 0]]), to: "a", number: 0)
    let refusals = try client.refusals()
    #expect(refusals.map(\.code) == [.badDType])
    #expect(refusals.first?.expected == "text")
    #expect(refusals.first?.received == "<f4")
    try client.send(.text("h"), to: "a", number: 0)
    #expect(try client.answers(of: "a", steps: 1).flatMap(\.tokenIDs) == [0])
  }
}
