import Foundation
import Glibc
import Testing

/// Daemons that are killed in the middle of a move, while a filter goes on sending.
struct MoveCrashTests {
  enum Victim: String, CaseIterable {
    case source
    case target
  }

  /// How far the move has come.
  enum Moment: String, CaseIterable {
    case held
    case imported
    /// The daemon that had the stream has been told that it has gone, and may have heard it.
    case told
  }

  /// A filter with one stream, and what it was given.
  private final class Sender {
    private static let letters = Array("abcdefghijklmnopqrstuvwxyz".utf8)
    let pipe: ChildProcess
    private let file: String
    private var text: [UInt8] = []

    init(_ running: RunningPipeline) throws {
      file = running.file
      pipe = try ChildProcess(["pipe", file, "--connect", "--values"])
    }

    var count: Int { text.count }

    /// Sends letters, a message each.
    func send(_ count: Int) {
      for _ in 0..<count {
        let letter = Sender.letters[(text.count * 7 + text.count / 5) % 26]
        text.append(letter)
        let line = "{\"stream\":\"a\",\"text\":\"\(Character(Unicode.Scalar(letter)))\"}\n"
        pipe.write(Array(line.utf8))
      }
    }

    func waitForAnswers() throws {
      try pipe.read(until: "\(text.count) answers") { $0.outputLines.count >= text.count }
    }

    /// Ends the stream; compares all that came with what a filter gives whose daemon nobody disturbs, and
    /// with what the sinks have.
    func finish(_ daemons: [RunningPipeline]) throws {
      pipe.write(Array("{\"stream\":\"a\",\"end\":true}\n".utf8))
      pipe.closeInput()
      #expect(try pipe.waitForExit() == 0, "\(pipe.errorLines)")
      let whole = String(decoding: text, as: UTF8.self)
      let alone = try ChildProcess.run(
        ["pipe", file, "--values"],
        input: "{\"stream\":\"a\",\"text\":\"\(whole)\",\"end\":true}\n")
      let expected = try alone.outputLines.map { try OutputLine($0) }
      #expect(expected.count >= text.count)
      let (received, steps) = try (Sender.steps(pipe.outputLines), Sender.steps(alone.outputLines))
      #expect(received.map(\.number) == steps.map(\.number))
      let differing = zip(received, steps).first { $0 != $1 }
      #expect(differing?.0 == differing?.1)
      for daemon in daemons { try daemon.stop() }
      let written = try daemons.flatMap { try $0.output() }
        .filter { $0.label != nil }.sorted { $0.number < $1.number }
      #expect(written.map(\.number) == (0..<UInt64(text.count)).map { $0 })
      #expect(written.map(\.label) == expected.filter { $0.label != nil }.map(\.label))
    }

    /// Lines of steps; where END's own line stands depends on what its message held.
    private static func steps(_ lines: [String]) throws -> [OutputLine] {
      try lines.map {
        var line = try OutputLine($0)
        line.isEnd = false
        return line
      }.filter { $0.label != nil }
    }
  }

  private static func phase(_ running: RunningPipeline) throws -> String? {
    try running.control().ask(#"{"do":"streams.show","stream":"a"}"#).text("phase")
  }

  private static func move(
    from source: RunningPipeline, to target: RunningPipeline
  ) throws -> ChildProcess {
    let process = try ChildProcess([
      "streams", "move", source.file, "a", "--to", "\(target.ingress).control", "--replace",
    ])
    process.closeInput()
    return process
  }

  /// Each moment, by hand: no step is lost, doubled or different.
  @Test(arguments: Victim.allCases, Moment.allCases)
  func aStepIsAnsweredOnceWhoeverIsKilled(victim: Victim, moment: Moment) throws {
    let source = try RunningPipeline(.remember, durability: "os")
    let target = try RunningPipeline(.remember, durability: "os")
    let sender = try Sender(source)
    sender.send(5)
    try sender.waitForAnswers()
    let killed = victim == .source ? source : target
    let control = try source.control()
    let file = try control.done(#"{"do":"streams.export","stream":"a","hold":true}"#).attachment
    sender.send(3)
    if moment == .held { try killed.crash(0) }
    func take() throws {
      try target.control().done(#"{"do":"streams.import","replace":true}"#, file: file)
    }
    let told = Array(#"{"do":"streams.moved","stream":"a","to":"\#(target.ingress)"}"#.utf8)
    if moment != .held {
      try take()
      sender.send(3)
      if moment == .told { try control.send([told]) }
      try killed.crash(0)
    }
    sender.send(3)
    switch (victim, moment) {
    case (.target, .held):
      // Whoever asked for the move asks again, as long as it is held.
      try take()
      try control.done(String(decoding: told, as: UTF8.self))
    case (.target, .imported): try control.done(String(decoding: told, as: UTF8.self))
    case (.target, .told): #expect(try control.receive().isDone)
    case (.source, _):
      // It goes on where it was, or has heard that it went.
      let phase = try Self.phase(source)
      #expect(phase != "moved" || moment == .told)
      if phase != "moved" {
        sender.send(3)
        let again = try Self.move(from: source, to: target)
        #expect(try again.waitForExit() == 0, "\(again.errorLines)")
      }
    }
    #expect(try Self.phase(source) == "moved")
    sender.send(3)
    try sender.finish([source, target])
  }

  /// A daemon that was killed behind three answers, of which no checkpoint has anything, and those answers.
  private func crashedSource(
    in folder: TemporaryFolder
  ) throws -> (RunningPipeline, answers: [[Float]]) {
    var pipeline = PipelineText.remember
    pipeline.more = [
      "state: { store: \(folder.file("state.sqlite")), durability: os, checkpoint: 1h }"
    ]
    let source = try RunningPipeline(pipeline)
    let client = try source.client()
    try client.hello()
    try client.send(.text("abc"), to: "a", number: 0, flags: .start, epoch: 7)
    #expect(try client.receive(.acknowledge, of: "a").header.number == 3)
    let answers = try client.answers(of: "a", steps: 3).flatMap(\.rows)
    try source.crash(0)
    return (source, answers)
  }

  /// What a restart has computed again is at the daemon that the stream has left: whoever sends there comes
  /// by it on the way.
  @Test(arguments: [false, true])
  func answersThatWereNotHeardComeInFrontOfTheMove(isHeld: Bool) throws {
    let folder = try TemporaryFolder()
    let (source, expected) = try crashedSource(in: folder)
    let target = try RunningPipeline(.remember, durability: "os")
    let control = try source.control()
    let file = try control.done(#"{"do":"streams.export","stream":"a","hold":true}"#).attachment
    try target.control().done(#"{"do":"streams.import"}"#, file: file)
    let told = #"{"do":"streams.moved","stream":"a","to":"\#(target.ingress)"}"#
    if !isHeld { try control.done(told) }
    let again = try source.client()
    try again.send(.text("d"), to: "a", number: 3, epoch: 7)
    if isHeld {
      #expect(try again.refusals().isEmpty)
      try control.done(told)
    }
    var rows: [[Float]] = []
    var message = try again.receive()
    while message.header.kind == .answer {
      rows += message.rows
      message = try again.receive()
    }
    #expect(rows == expected)
    #expect(try message.refusal().code == .moved)
    try source.stop()
    try target.stop()
  }

  /// Nor are they lost where the stream is back before its client is.
  @Test func answersThatWereNotHeardAreThereWhenTheStreamComesBack() throws {
    let folder = try TemporaryFolder()
    let (source, expected) = try crashedSource(in: folder)
    let target = try RunningPipeline(.remember, durability: "os")
    for (from, to) in [(source, target), (target, source)] {
      let control = try from.control()
      let file = try control.done(#"{"do":"streams.export","stream":"a","hold":true}"#).attachment
      try to.control().done(#"{"do":"streams.import"}"#, file: file)
      try control.done(#"{"do":"streams.moved","stream":"a","to":"\#(to.ingress)"}"#)
    }
    let again = try source.client()
    let standing = try again.hello(["a": 0]).streams["a"]
    #expect(standing?.expected == 3 && standing?.closed == false && standing?.epoch == 7)
    #expect(try again.answers(of: "a", steps: 3).flatMap(\.rows) == expected)
    try again.send(.text("d"), to: "a", number: 3, epoch: 7)
    #expect(try again.answers(of: "a", steps: 1).first?.header.number == 3)
    try source.stop()
    try target.stop()
  }

  /// A crash before the move is durable has the stream go on where it was: nobody may be on the way then.
  @Test func nobodyIsToldOfAMoveThatIsNotDurable() throws {
    let disk = try FaultyDisk()
    let running = try RunningPipeline(.remember, durability: "os", on: disk)
    let client = try running.client(behind: "abc")
    let control = try running.control()
    try control.done(#"{"do":"streams.export","stream":"a","hold":true}"#)
    try client.send(.text("d"), to: "a", number: 3)
    #expect(try client.refusals().isEmpty)
    try disk.set(.full)
    try control.send([Array(#"{"do":"streams.moved","stream":"a","to":"ipc:///there"}"#.utf8)])
    let log = running.daemon.process
    try log.read(until: "the store to wait") {
      $0.errorLines.contains { $0.contains("the store cannot be written") }
    }
    // Had it been told, that would have been before the store was found full.
    while let message = try client.receiveAny(within: .milliseconds(50)) {
      #expect(message.header.kind != .refuse, "\(message)")
    }
    try client.send(.text("e"), to: "a", number: 4)
    let again = try running.control().ask(#"{"do":"streams.release","stream":"a"}"#)
    #expect(again.code == "not-held", "\(again.text)")
    try disk.set(.none)
    #expect(try control.receive().isDone)
    for number in [3, 4] as [UInt64] {
      let refused = try client.receive(.refuse, of: "a")
      #expect(try refused.refusal().code == .moved && refused.header.number == number)
    }
    try running.stop()
  }

  /// `millrace streams move` to and fro; one of the two is killed at a random moment of each.
  @Test func movesGoOnBehindKillsAtRandomMoments() throws {
    var chance = SeededGenerator.fresh(for: "movesGoOnBehindKillsAtRandomMoments")
    let daemons = try (0..<2).map { _ in try RunningPipeline(.remember, durability: "os") }
    let sender = try Sender(daemons[0])
    // Its answers are the clock: so many of them pass while a stream moves.
    let clock = try RunningPipeline(.remember)
    let ticking = try clock.client()
    try ticking.hello()
    var ticks = 0
    func tick() throws {
      try ticking.send(.text("a"), to: "tick", number: UInt64(ticks))
      ticks += 1
      _ = try ticking.answers(of: "tick", steps: 1)
    }
    sender.send(2)
    try sender.waitForAnswers()
    var (here, there) = (daemons[0], daemons[1])
    let undisturbed = try Self.move(from: here, to: there)
    while try !undisturbed.hasEnded() { try tick() }
    #expect(try undisturbed.waitForExit() == 0, "\(undisturbed.errorLines)")
    let whole = max(ticks, 4)
    for _ in 0..<(Checkout.isThorough ? 100 : 8) {
      (here, there) = (there, here)
      sender.send(2)
      let move = try Self.move(from: here, to: there)
      let end = ticks + Int.random(in: whole / 4...whole, using: &chance)
      while ticks < end {
        try tick()
        if ticks % 8 == 0 { sender.send(1) }
      }
      try (Bool.random(using: &chance) ? here : there).crash(0)
      sender.send(2)
      var code = try move.waitForExit()
      // As the command says: where it is still open it is moved again.
      let deadline = Deadline.standard
      while code != 0, try Self.phase(here) != "moved", !deadline.hasPassed {
        #expect(code == 69, "\(move.errorLines)")
        let again = try Self.move(from: here, to: there)
        code = try again.waitForExit()
        #expect(code == 0 || code == 69, "\(again.errorLines)")
      }
      #expect(try Self.phase(here) == "moved")
      // Until it comes back its answers are kept where it was.
      try sender.waitForAnswers()
    }
    try sender.finish(daemons)
    try clock.stop()
  }
}
