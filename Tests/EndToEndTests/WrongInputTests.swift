import Testing

/// Faulty input to `pipe`: one line about it, and every other answer still comes.
struct WrongInputTests {
  struct Fault: CustomTestStringConvertible {
    let file: String
    let pipeline: String
    let says: [String]
    /// Number of answer lines that come all the same.
    let answers: Int

    init(_ file: String, to pipeline: String = "hello", answers: Int, _ says: String...) {
      (self.file, self.pipeline, self.answers, self.says) = (file, pipeline, answers, says)
    }

    var testDescription: String { file }
  }

  static let faults = [
    Fault("input-not-json.jsonl", answers: 2, "line 2", "expected"),
    Fault("input-unknown-character.jsonl", answers: 2, "stream a number 1", "bad-token", "\"z\""),
    Fault("input-bad-name.jsonl", answers: 0, "line 1", "no/slash", "A-Z a-z 0-9"),
    Fault("input-duplicate-key.jsonl", answers: 0, "line 1", "\"text\"", "twice"),
    Fault("input-two-payloads.jsonl", answers: 0, "line 1", "exclude each other"),
    Fault("input-not-utf8.jsonl", answers: 0, "line 1", "UTF-8"),
    Fault(
      "input-eight-values.jsonl", to: "motion", answers: 1, "stream a number 1", "bad-shape",
      "8 values", "takes 9"),
    Fault(
      "input-too-large-value.jsonl", to: "motion", answers: 0, "stream a number 0", "not-finite",
      "value 8"),
    Fault(
      "input-gap.jsonl", to: "motion", answers: 1, "stream a number 2", "gap", "send again from 1"),
    Fault(
      "input-conflict.jsonl", to: "motion", answers: 1, "stream a number 0", "conflict",
      "other bytes"),
  ]

  /// Runs the faulty lines with those of a sound stream before and behind them.
  @Test(arguments: faults)
  func isSaidInOneLineAndHarmsItsStreamOnly(fault: Fault) throws {
    let path = Checkout.path("Pipelines/\(fault.pipeline).yaml")
    let sound: [String] =
      if fault.pipeline == "hello" {
        ["{\"stream\":\"sound\",\"text\":\"he\"}", "{\"stream\":\"sound\",\"text\":\"ll\"}"]
      } else {
        try Checkout.lines("Fixtures/motion/input.jsonl").filter { $0.contains("har00") }
          .prefix(2).map { $0.replacing("har00", with: "sound") }
      }
    let alone = try ChildProcess.run(["pipe", path], input: sound.joined(separator: "\n"))
    let bytes =
      try Checkout.bytes("Fixtures/bad/\(fault.file)") + Array((sound.joined(separator: "\n")).utf8)
    let pipe = try ChildProcess.run(["pipe", path], input: bytes)
    #expect(pipe.exitCode == 65)
    #expect(pipe.errorLines.count == 1, "\(pipe.errorLines)")
    let line = pipe.errorLines.first ?? ""
    for words in ["millrace: "] + fault.says {
      #expect(line.contains(words), "expected \(words) in: \(line)")
    }
    let lines = try pipe.outputLines.map { (line: $0, stream: try OutputLine($0).stream) }
    #expect(lines.filter { $0.stream == "sound" }.map(\.line) == alone.outputLines)
    #expect(alone.outputLines.count == (fault.pipeline == "hello" ? 4 : 2))
    #expect(lines.filter { $0.stream != "sound" }.count == fault.answers)
  }

  /// Nothing else is there to keep the run going until the stream's answer has come.
  @Test(arguments: faults)
  func whatWasAcceptedIsAnsweredThoughNothingFollows(fault: Fault) throws {
    let pipe = try ChildProcess.run(
      ["pipe", Checkout.path("Pipelines/\(fault.pipeline).yaml")],
      input: try Checkout.bytes("Fixtures/bad/\(fault.file)"))
    #expect(pipe.exitCode == 65)
    #expect(pipe.errorLines.count == 1)
    #expect(pipe.outputLines.count == fault.answers)
  }

  @Test func plainTextIntoNumbersIsSaid() throws {
    let pipe = try ChildProcess.run(
      ["pipe", Checkout.path("Pipelines/motion.yaml")], input: "hell")
    #expect(pipe.exitCode == 65)
    #expect(pipe.output.isEmpty)
    #expect(pipe.errorLines.count == 1)
    #expect(pipe.errorLines.first?.contains("takes numbers") == true)
  }

  @Test func numbersIntoTextAreSaid() throws {
    let pipe = try ChildProcess.run(
      ["pipe", Checkout.path("Pipelines/hello.yaml")],
      input: "{\"stream\":\"a\",\"values\":[1,2]}\n{\"stream\":\"b\",\"text\":\"h\"}\n")
    #expect(pipe.exitCode == 65)
    #expect(pipe.outputLines.count == 1)
    #expect(pipe.errorLines.count == 1)
    #expect(pipe.errorLines.first?.contains("stream a number 0: bad-dtype") == true)
  }

  @Test(arguments: ["nan", "inf", "-inf", "1e39"])
  func aRowThatIsNotFiniteIsSaid(value: String) throws {
    let row = "0,0,0,0,0,0,0,0,"
    let pipe = try ChildProcess.run(
      ["pipe", Checkout.path("Pipelines/motion.yaml"), "--csv"],
      input: "\(row)0\n\(row)\(value)\n\(row)0\n")
    #expect(pipe.exitCode == 65)
    #expect(pipe.errorLines.count == 1)
    #expect(pipe.errorLines.first?.contains("not-finite: value 8 of number 1") == true)
    // Number 1 is used up; the rows around it are steps 0 and 2.
    #expect(try pipe.outputLines.map { try OutputLine($0).number } == [0, 2])
  }

  /// However the text was read, only what is wrong is refused.
  @Test func oneBadCharacterCostsNoOther() throws {
    let path = Checkout.path("Pipelines/hello.yaml")
    let text = Array("hezll\nohzzel".utf8)
    let sound = try ChildProcess.run(["pipe", path], input: "hell\nohel")
    let whole = try ChildProcess.run(["pipe", path], input: text)
    #expect(whole.exitCode == 65)
    #expect(whole.outputLines == sound.outputLines)
    #expect(whole.errorLines.count == 2)
    let pipe = try ChildProcess(["pipe", path])
    for byte in text { pipe.write([byte]) }
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 65)
    #expect(pipe.outputLines == sound.outputLines)
  }

  @Test func invalidTextIsSaidAndTheRestIsAnswered() throws {
    let pipe = try ChildProcess(["pipe", Checkout.path("Pipelines/hello.yaml")])
    pipe.write(Array("he".utf8))
    try pipe.read(until: "two answers") { $0.outputLines.count == 2 }
    pipe.write([0xff])
    try pipe.read(until: "the complaint") { $0.errorLines.count == 1 }
    pipe.write(Array("ll".utf8))
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 65)
    #expect(pipe.errorLines.count == 1)
    #expect(pipe.errorLines.first?.contains("stream stdin number 2: bad-text") == true)
    let sound = try ChildProcess.run(
      ["pipe", Checkout.path("Pipelines/hello.yaml")], input: "hell")
    #expect(pipe.outputLines == sound.outputLines)
  }
}
