import Testing
import Wire

/// `millrace pipe`: input on standard input, answers on standard output.
struct PipeTests {
  private let hello = Checkout.path("Pipelines/hello.yaml")
  private let motion = Checkout.path("Pipelines/motion.yaml")

  @Test func answersHellWithEllo() throws {
    let pipe = try ChildProcess.run(["pipe", hello], input: "hell")
    #expect(pipe.exitCode == 0)
    #expect(pipe.errors.isEmpty)
    let lines = try pipe.outputLines.map { try OutputLine($0) }
    #expect(lines.map(\.number) == [0, 1, 2, 3])
    #expect(lines.map(\.token) == ["h", "e", "l", "l"])
    #expect(lines.map(\.label) == ["e", "l", "l", "o"])
    #expect(lines.allSatisfy { $0.stream == "stdin" && !$0.isEnd && $0.values.isEmpty })
  }

  @Test func answersEachStepBeforeTheNextIsWritten() throws {
    let pipe = try ChildProcess(["pipe", hello])
    for (index, character) in ["h", "e", "l", "l"].enumerated() {
      pipe.write(Array(character.utf8))
      try pipe.read(until: "answer \(index)") { $0.outputLines.count == index + 1 }
    }
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0)
  }

  @Test func aNewlineEndsALineAndIsNoStep() throws {
    let pipe = try ChildProcess.run(["pipe", hello], input: "he\nll\n")
    let alone = try ChildProcess.run(["pipe", hello], input: "hell")
    #expect(pipe.exitCode == 0)
    #expect(pipe.outputLines == alone.outputLines)
  }

  @Test(arguments: ["hello", "motion", "topics"])
  func answersAsKerasDoes(fixture: String) throws {
    let input = try Checkout.text("Fixtures/\(fixture)/input.jsonl")
    let pipe = try ChildProcess.run(
      ["pipe", Checkout.path("Pipelines/\(fixture).yaml"), "--values"], input: input)
    #expect(pipe.exitCode == 0)
    #expect(pipe.errorLines == [])
    let expected = try Checkout.lines("Fixtures/\(fixture)/expected.jsonl")
    let byStream = { (lines: [String]) in
      Dictionary(grouping: try lines.map { try OutputLine($0) }, by: \.stream)
    }
    let received = try byStream(pipe.outputLines)
    for (stream, expected) in try byStream(expected) {
      let answers = received[stream] ?? []
      #expect(answers.count == expected.count, "\(stream)")
      for (answer, expected) in zip(answers, expected) {
        let isClose = zip(answer.values, expected.values).allSatisfy {
          abs($0 - $1) <= 5e-5 + 5e-4 * abs($1)
        }
        #expect(
          isClose && answer.values.count == expected.values.count
            && answer.number == expected.number && answer.label == expected.label
            && answer.token == expected.token,
          "\(stream): expected \(expected), received \(answer)")
      }
    }
  }

  @Test func endOfInputEndsEveryStream() throws {
    let text = "{\"stream\":\"a\",\"text\":\"he\"}\n{\"stream\":\"b\",\"text\":\"h\"}"
    let pipe = try ChildProcess.run(["pipe", hello], input: text)
    #expect(pipe.exitCode == 0)
    #expect(pipe.outputLines.count == 3)
  }

  @Test func aStreamBeginsANewLifeBehindItsEnd() throws {
    let life =
      "{\"stream\":\"a\",\"text\":\"he\"}\n{\"stream\":\"a\",\"text\":\"ll\",\"end\":true}\n"
    let twice = try ChildProcess.run(["pipe", hello], input: life + life)
    let once = try ChildProcess.run(["pipe", hello], input: life)
    #expect(twice.exitCode == 0)
    #expect(twice.errorLines == [])
    #expect(once.outputLines.count == 4)
    #expect(twice.outputLines == once.outputLines + once.outputLines)
  }

  @Test func aRepeatedNumberMakesNoStep() throws {
    let lines = ["0,\"text\":\"hell\"", "1,\"text\":\"el\"", "4,\"text\":\"o\""]
      .map { "{\"stream\":\"a\",\"number\":\($0)}\n" }
    let pipe = try ChildProcess.run(["pipe", hello], input: lines.joined())
    let plain = try ChildProcess.run(["pipe", hello, "--stream", "a"], input: "hello")
    #expect(pipe.exitCode == 0)
    var seen: Set<String> = []
    #expect(pipe.outputLines.filter { seen.insert($0).inserted } == plain.outputLines)
  }

  @Test func readsRowsOfNumbers() throws {
    let rows = try Checkout.lines("Fixtures/motion/input.jsonl").filter { $0.contains("har00") }
    let csv = rows.map { row in
      let values = row.split(separator: "[")[1].split(separator: "]")[0]
      return "\(values)\n"
    }
    let pipe = try ChildProcess.run(
      ["pipe", motion, "--csv", "--stream", "har00"], input: csv.joined())
    let same = try ChildProcess.run(["pipe", motion], input: rows.joined(separator: "\n"))
    #expect(pipe.exitCode == 0)
    #expect(rows.count == 40)
    #expect(pipe.outputLines == same.outputLines)
  }
}
