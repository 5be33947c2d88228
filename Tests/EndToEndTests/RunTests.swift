import Glibc
import Testing
import Wire

/// `millrace run`: clients over sockets in both forms.
struct RunTests {
  private static let text = InputData.text("hell")

  /// The lines of `pipe` for the same text and stream.
  private func pipeLines(_ pipeline: PipelineText, _ text: String, stream: String) throws
    -> [String]
  {
    let folder = try TemporaryFolder()
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let pipe = try ChildProcess.run(["pipe", path, "--stream", stream], input: text)
    #expect(pipe.exitCode == 0)
    return pipe.outputLines
  }

  @Test(arguments: RunningPipeline.Transport.allCases)
  func friendlyRepliesAreTheLinesOfPipe(transport: RunningPipeline.Transport) throws {
    let running = try RunningPipeline(.hello, over: transport)
    let client = try running.client(.friendly)
    try client.send(Self.text, to: "cam-1", number: 0, flags: .end)
    let answers = try client.answersToEnd(of: "cam-1")
    let allFriendly = answers.allSatisfy(\.isFriendly)
    #expect(allFriendly)
    let lines = answers.filter { !$0.payload.isEmpty }.map(\.text)
    #expect(try lines == pipeLines(.hello, "hell", stream: "cam-1"))
    #expect(lines.count == 4)
    try running.stop()
  }

  @Test func theSystemShowsWhichThreadIsWhichStage() throws {
    let running = try RunningPipeline(.hello)
    let names = try running.daemon.process.threadNames()
    #expect(names.isSuperset(of: ["tokenizer", "inference-0", "sink"]), "\(names)")
    try running.stop()
  }

  @Test(arguments: RunningPipeline.Transport.allCases)
  func binaryRepliesHoldTheNumbersOfTheLines(transport: RunningPipeline.Transport) throws {
    var pipeline = PipelineText.hello
    pipeline.sink = ["values: true"]
    let running = try RunningPipeline(pipeline, over: transport)
    let client = try running.client(.binary)
    let welcome = try client.hello()
    try client.send(Self.text, to: "cam-1", number: 0, flags: .end, epoch: 7)
    let answers = try client.answersToEnd(of: "cam-1")
    let lines = try pipeLines(pipeline, "hell", stream: "cam-1").map { try OutputLine($0) }
    #expect(lines.count == 4)
    #expect(answers.flatMap(\.rows) == lines.map(\.values))
    #expect(answers.flatMap(\.tokenIDs) == [0, 1, 2, 2])
    #expect(answers.last?.isLast == true)
    var number: UInt64 = 0
    let model = welcome.model.dropFirst("sha256:".count).prefix(16)
    for answer in answers {
      #expect(answer.header.number == number)
      number += UInt64(answer.header.count)
      #expect(answer.header.input == number)
      #expect(answer.header.epoch == 7)
      #expect(answer.header.elementType == .float32)
      #expect(answer.header.width == 5)
      #expect(answer.header.model == UInt64(model, radix: 16))
    }
    #expect(number == 4)
  }

  @Test func inputIsCountedInBytesAndAnswersInSteps() throws {
    var pipeline = PipelineText.hello
    // A token of one, two, three and four bytes; jamo are composed.
    pipeline.tokenizer = "{ kind: characters, vocabulary: [h, é, 한, 🙂, o] }"
    pipeline.labels = nil
    let running = try RunningPipeline(pipeline)
    let client = try running.client()
    let bytes = Array("hé한🙂".utf8)
    for (index, byte) in bytes.enumerated() {
      try client.send(.text([byte]), to: "a", number: UInt64(index))
    }
    try client.send(.none, to: "a", number: UInt64(bytes.count), flags: .end)
    let answers = try client.answersToEnd(of: "a").filter { $0.header.count > 0 }
    #expect(answers.flatMap(\.tokenIDs) == [0, 1, 2, 3])
    #expect(answers.map(\.header.number) == [0, 1, 2, 3])
    #expect(answers.map(\.header.input) == [1, 3, 6, 10])
  }

  @Test func theNoteAndTheTimeComeBackWithTheAnswer() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    let note = Array("{\"traceparent\":\"00-1-2-01\"}".utf8)
    var header = Header(kind: .data)
    (header.elementType, header.count, header.width) = InputData.text("h").shape
    header.time = 123_456
    try client.send(header, stream: "a", payload: InputData.text("h").bytes, note: note)
    let answer = try client.receive(.answer, of: "a")
    #expect(answer.note == note)
    #expect(answer.header.time == 123_456)
  }

  @Test func repliesTakeTheFormOfTheLastMessage() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client(.binary)
    try client.send(.text("h"), to: "a", number: 0)
    #expect(try client.receive(.answer, of: "a").isFriendly == false)
    let head = "{\"v\":1,\"kind\":\"data\",\"number\":1,\"dtype\":\"text\",\"unknown\":[1]}"
    try client.send(parts: [Array("a".utf8), Array(head.utf8), Array("e".utf8)])
    let answer = try client.receive(.answer, of: "a")
    #expect(answer.isFriendly)
    #expect(try OutputLine(answer.text).label == "l")
  }

  // MARK: Welcome

  @Test(arguments: WireClient.Form.allCases)
  func welcomeTellsWhereEachStreamStands(form: WireClient.Form) throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client(form)
    var welcome = try client.hello(["new": nil])
    #expect(welcome.credit == 64 * 1024)
    #expect(welcome.maximumBytes == 1 << 20)
    #expect(welcome.model.wholeMatch(of: /sha256:[0-9a-f]{64}/) != nil)
    #expect(welcome.streams == ["new": .init(expected: nil, closed: false, answers: 0)])
    try client.send(.text("he"), to: "open", number: 0)
    try client.send(.text("hel"), to: "ended", number: 0, flags: .end)
    _ = try client.answers(of: "open", steps: 2)
    _ = try client.answersToEnd(of: "ended")
    welcome = try client.hello(["open": nil, "ended": nil])
    #expect(
      welcome.streams == [
        "open": .init(expected: 2, closed: false, answers: 2),
        "ended": .init(expected: 3, closed: true, answers: 3),
      ])
    #expect(welcome.credit == 64 * 1024)
  }

  @Test func helloSendsTheAnswersAgainThatAreStillWanted() throws {
    let running = try RunningPipeline(.hello)
    let first = try running.client()
    try first.send(Self.text, to: "a", number: 0)
    let answers = try first.answers(of: "a", steps: 4)
    // Another connection, as after a restart of the client.
    let second = try running.client()
    try second.hello(["a": 0])
    let again = try second.answers(of: "a", steps: 4)
    #expect(again.flatMap(\.rows) == answers.flatMap(\.rows))
    // New data is answered by the connection that it came on.
    try first.send(.text("o"), to: "a", number: 4)
    #expect(try first.answers(of: "a", steps: 1).first?.header.number == 4)
  }

  @Test func acknowledgeTellsTheFirstNumberNotCovered() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    try client.send(Self.text, to: "a", number: 0)
    #expect(try client.receive(.acknowledge, of: "a").header.number == 4)
  }

  // MARK: Emission

  @Test func everyAnswersEachThirdStepAndTheRestAtTheEnd() throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["emit: { every: 3 }"]
    let running = try RunningPipeline(pipeline)
    let client = try running.client()
    try client.send(.text("hellohe"), to: "a", number: 0, flags: .end)
    let answers = try client.answersToEnd(of: "a").filter { $0.header.count > 0 }
    #expect(answers.map(\.header.number) == [2, 5, 6])
    #expect(answers.map(\.header.input) == [3, 6, 7])
    #expect(answers.map(\.isLast) == [false, false, true])
  }

  @Test func atEndAnswersOnce() throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["emit: at-end"]
    let running = try RunningPipeline(pipeline)
    let client = try running.client(.friendly)
    try client.send(Self.text, to: "a", number: 0)
    try client.send(.none, to: "a", number: 4, flags: .end)
    let answers = try client.answersToEnd(of: "a")
    #expect(answers.count == 1)
    let line = try OutputLine(answers[0].text)
    #expect(line.number == 3)
    #expect(line.label == "o")
    #expect(line.isEnd)
  }

  @Test func withoutReplyTheLinesGoToTheFileAlone() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.sink = ["reply: false", "file: \(folder.file("out.jsonl"))"]
    let running = try RunningPipeline(pipeline)
    let client = try running.client()
    try client.send(Self.text, to: "cam-1", number: 0, flags: .end)
    #expect(try client.receive(.acknowledge, of: "cam-1").header.number == 4)
    try running.stop()
    #expect(try folder.lines(of: "out.jsonl") == pipeLines(.hello, "hell", stream: "cam-1"))
  }
}
