import Foundation
import Testing
import Wire

/// Live streams that go from one daemon to another while their senders go on.
struct StreamMoveTests {
  private func move(
    _ stream: String, from source: RunningPipeline, to target: RunningPipeline
  ) throws -> ChildProcess {
    try ChildProcess.run([
      "streams", "move", source.file, stream, "--to", "\(target.ingress).control",
    ])
  }

  /// A filter follows its stream from daemon to daemon and back.
  @Test(arguments: [false, true])
  func aFilterFollowsItsStream(isSplit: Bool) throws {
    let first = try RunningPipeline(.hello, isSplit: isSplit)
    let second = try RunningPipeline(.hello)
    let pipe = try ChildProcess(["pipe", first.file, "--connect"])
    var expected = 0
    func send(_ line: String, answers: Int) throws {
      pipe.write(Array("\(line)\n".utf8))
      expected += answers
      try pipe.read(until: "\(expected) answers") { $0.outputLines.count == expected }
    }
    try send(#"{"stream":"a","text":"he"}"#, answers: 2)
    try send(#"{"stream":"b","text":"h"}"#, answers: 1)
    let moved = try move("a", from: first, to: second)
    #expect(moved.exitCode == 0, "\(moved.errorLines)")
    #expect(
      moved.outputLines == [#"{"stream":"a","expected":2,"moved_to":"\#(second.ingress)"}"#])
    try send(#"{"stream":"a","text":"l"}"#, answers: 1)
    try send(#"{"stream":"b","text":"e"}"#, answers: 1)
    #expect(try move("a", from: second, to: first).exitCode == 0)
    try send(#"{"stream":"a","text":"l"}"#, answers: 1)
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0)
    #expect(pipe.errorLines.isEmpty, "\(pipe.errorLines)")
    let lines = try pipe.outputLines.map { try OutputLine($0) }
    #expect(lines.filter { $0.stream == "a" }.map(\.label) == ["e", "l", "l", "o"])
    #expect(lines.filter { $0.stream == "a" }.map(\.number) == [0, 1, 2, 3])
    #expect(lines.filter { $0.stream == "b" }.map(\.label) == ["e", "l"])
    // It ended where it was last, and is gone from where it was between.
    let phases = try second.control().done(#"{"do":"streams.show","stream":"a"}"#)
    #expect(phases.text("phase") == "moved")
    try first.stop()
    try second.stop()
  }

  /// What is sent during a move waits, and is refused to where it goes on, or taken.
  @Test func whatComesMeanwhileWaits() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client(behind: "he")
    let control = try running.control()
    try control.done(#"{"do":"streams.export","stream":"a","hold":true}"#)
    try client.send(.text("l"), to: "a", number: 2)
    // It has been read: what is behind it is refused.
    #expect(try client.refusals().isEmpty)
    #expect(
      try control.done(#"{"do":"streams.show","stream":"a"}"#).number("expected") == 2)
    #expect(try control.ask(#"{"do":"streams.reset","stream":"a"}"#).code == "busy")
    try control.done(#"{"do":"streams.release","stream":"a"}"#)
    #expect(try client.answers(of: "a", steps: 1).first?.header.number == 2)
    try control.done(#"{"do":"streams.export","stream":"a","hold":true}"#)
    try client.send(.text("l"), to: "a", number: 3)
    #expect(try client.refusals().isEmpty)
    try control.done(#"{"do":"streams.moved","stream":"a","to":"ipc:///elsewhere"}"#)
    let refusal = try client.receive(.refuse, of: "a").refusal()
    #expect(refusal.code == .moved && refusal.retry)
    #expect(refusal.expected == "ipc:///elsewhere" && refusal.received == "3")
    let welcome = try client.hello(["a": nil])
    #expect(welcome.streams["a"]?.closed == false && welcome.streams["a"]?.expected == 3)
    try client.send(.text("hell"), to: "a", number: 0, flags: [.start, .end], epoch: 7)
    #expect(try client.answersToEnd(of: "a").last?.isLast == true)
    try running.stop()
  }

  @Test func whatIsNoControlSocketIsNamed() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    try client.hello()
    try client.send(.text("he"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 2)
    let moved = try ChildProcess.run(
      ["streams", "move", running.file, "a", "--to", running.ingress])
    #expect(moved.exitCode == 69)
    #expect(moved.errorLines.count == 1)
    #expect(moved.errorLines[0].contains("\(running.ingress) is no control socket"))
    // And the other way round.
    let control = "\(running.ingress).control"
    let sent = try ChildProcess.run(
      ["pipe", running.file, "--connect", "--set", "ingress=\(control)"], input: "he")
    #expect(sent.exitCode == 69)
    #expect(
      sent.errorLines == [
        "millrace: what answers at \(control) is no ingress; "
          + "expected the endpoint that the pipeline file of that daemon names as ingress"
      ])
    let itself = try move("a", from: running, to: running)
    #expect(itself.exitCode == 69)
    #expect(itself.errorLines.first?.contains("cannot be its target") == true)
    try client.send(.text("l"), to: "a", number: 2)
    #expect(try client.answers(of: "a", steps: 1).first?.header.number == 2)
    try running.stop()
  }

  @Test func aStreamThatIsRefusedThereGoesOnHere() throws {
    let hello = try RunningPipeline(.hello)
    let motion = try RunningPipeline(.motion)
    let client = try hello.client()
    try client.hello()
    try client.send(.text("he"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 2)
    let moved = try move("a", from: hello, to: motion)
    #expect(moved.exitCode == 65)
    #expect(moved.errorLines.count == 1)
    #expect(moved.errorLines[0].contains("a stays where it is: the checkpoint is of the model"))
    try client.send(.text("l"), to: "a", number: 2)
    #expect(try client.answers(of: "a", steps: 1).first?.header.number == 2)
    try motion.stop()
    try hello.stop()
  }

  /// Behind a `kill -9` of either daemon the stream is where it went, once.
  @Test(arguments: [false, true])
  func aMoveSurvivesAKilledProcess(isSplit: Bool) throws {
    let first = try RunningPipeline(.hello, isSplit: isSplit, durability: "os")
    let second = try RunningPipeline(.hello, durability: "os")
    let pipe = try ChildProcess(["pipe", first.file, "--connect"])
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"he\"}\n".utf8))
    try pipe.read(until: "two answers") { $0.outputLines.count == 2 }
    #expect(try move("a", from: first, to: second).exitCode == 0)
    try first.crash(0)
    try second.crash(0)
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"ll\",\"end\":true}\n".utf8))
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0)
    // That daemons have gone and are back is all there is to say.
    let said = pipe.errorLines.filter { !$0.contains(" is lost; ") && !$0.contains(" is back; ") }
    #expect(said.isEmpty, "\(said)")
    #expect(try pipe.outputLines.map { try OutputLine($0).label } == ["e", "l", "l", "o"])
    try first.stop()
    try second.stop()
    #expect(try first.output().map(\.number) == [0, 1])
    #expect(try second.output().map(\.number) == [2, 3])
  }

  /// An alarm that is raised goes along, and is cleared over there.
  @Test func aRaisedAlarmGoesAlong() throws {
    func text(_ folder: TemporaryFolder) -> PipelineText {
      var text = PipelineText.hello
      text.sink = [
        "file: \(folder.file("alarms.jsonl"))", "alarm: { label: l, on: 0.9, off: 0.5 }",
      ]
      return text
    }
    let folders = try (0..<2).map { _ in try TemporaryFolder() }
    let daemons = try folders.map { try RunningPipeline(text($0)) }
    let pipe = try ChildProcess(["pipe", daemons[0].file, "--connect"])
    // h -> e, e -> l: raised with number 1.
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"he\"}\n".utf8))
    try pipe.read(until: "two answers and an alarm") { $0.outputLines.count >= 2 }
    #expect(try move("a", from: daemons[0], to: daemons[1]).exitCode == 0)
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"ll\",\"end\":true}\n".utf8))
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0)
    for daemon in daemons { try daemon.stop() }
    let alarms = try folders.map { folder in
      try folder.lines(of: "alarms.jsonl").filter { $0.contains("\"alarm\":") }
    }
    #expect(alarms[0].count == 1 && alarms[0][0].contains(#""number":1,"alarm":"raised""#))
    #expect(alarms[1].count == 1 && alarms[1][0].contains(#""number":3,"alarm":"cleared""#))
  }
}
