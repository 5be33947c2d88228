import Foundation
import Glibc
import Testing
import Wire

/// Pipelines with a store on a disk that forgets what was not synced: `Docs/reliability.md`.
struct PowerCutTests {
  /// Power cuts while three streams come in, of which each unsynced write survives by chance.
  @Test("fault 2: power cut, fsync", arguments: [false, true])
  func noAcknowledgedStepIsLost(isSplit: Bool) throws {
    var chance = SeededGenerator.fresh(for: "power cuts")
    let disk = try FaultyDisk()
    let running = try RunningPipeline(
      .hello, isSplit: isSplit, durability: "fsync", on: disk)
    let pipe = try ChildProcess(["pipe", running.file, "--connect"])
    var input: [String] = []
    func send(_ line: String) {
      input.append(line)
      pipe.write(Array("\(line)\n".utf8))
    }
    for round in 0..<(isSplit ? 3 : 6) {
      let answered = pipe.outputLines.count
      for stream in ["a", "b", "c"] {
        let text = (0..<Int.random(in: 1...9, using: &chance)).map { _ in
          "helo".randomElement(using: &chance) ?? "h"
        }
        send("{\"stream\":\"\(stream)\",\"text\":\"\(String(text))\"}")
      }
      let some = answered + Int.random(in: 0...3, using: &chance)
      try pipe.read(until: "\(some) answers") { $0.outputLines.count >= some }
      var survival = round % 2 == 0 ? FaultyDisk.Survival.nothing : .chance(chance)
      try running.cutPower(of: disk, &survival)
      _ = chance.next()
    }
    for stream in ["a", "b", "c"] { send("{\"stream\":\"\(stream)\",\"end\":true}") }
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0, "\(pipe.errorLines)")
    try running.stop()
    let expected = try Undisturbed.lines(of: .hello, input)
    #expect(Undisturbed.byStream(pipe.outputLines) == expected)
    #expect(Undisturbed.byStream(try running.folder.lines(of: "output.jsonl")) == expected)
  }

  /// `os`: what was not synced is lost, a suffix of the stream; its sender is told where to go on, and the
  /// output has neither hole nor double line.
  @Test("fault 2: power cut, os") func whatIsLostIsASuffixAndIsShown() throws {
    let disk = try FaultyDisk()
    let running = try RunningPipeline(.hello, durability: "os", on: disk)
    do {
      let client = try running.client()
      try client.hello()
      try client.send(.text("he"), to: "a", number: 0, epoch: 7)
      #expect(try client.answers(of: "a", steps: 2).count > 0)
    }
    // A clean stop syncs all.
    try running.stop()
    try running.start(0)
    let pipe = try ChildProcess(["pipe", running.file, "--connect"])
    pipe.write(Array("{\"stream\":\"b\",\"text\":\"he\"}\n".utf8))
    try pipe.read(until: "two answers") { $0.outputLines.count == 2 }
    let client = try running.client()
    #expect(try client.hello(["a": nil]).streams["a"]?.expected == 2)
    try client.send(.text("l"), to: "a", number: 2, epoch: 7)
    #expect(try client.receive(.acknowledge, of: "a").header.number == 3)
    _ = try client.answers(of: "a", steps: 1)
    var survival = FaultyDisk.Survival.nothing
    try running.cutPower(of: disk, &survival)

    let again = try running.client()
    #expect(try again.hello(["a": nil]).streams["a"]?.expected == 2)
    try again.send(.text("ll"), to: "a", number: 2, epoch: 7)
    try again.send(.none, to: "a", number: 4, flags: .end, epoch: 7)
    #expect(try again.answersToEnd(of: "a").last?.isLast == true)
    // A client that keeps nothing of what was acknowledged is told.
    pipe.write(Array("{\"stream\":\"b\",\"text\":\"ll\"}\n".utf8))
    try pipe.read(until: "the loss of b") { $0.errorLines.contains { $0.contains("state-lost") } }
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 65)
    try running.stop()
    let written = try running.output().filter { $0.stream == "a" }
    #expect(written.map(\.number) == [0, 1, 2, 3])
    #expect(written.map(\.label) == ["e", "l", "l", "o"])
  }

  /// The disk fails in the middle of a commit, and the end of what was written last is not there.
  @Test("fault 3: torn last write") func aTornWriteIsRolledBack() throws {
    var survival = FaultyDisk.Survival.allButTheLastEnd(.fresh(for: "torn writes"))
    let disk = try FaultyDisk()
    let running = try RunningPipeline(.hello, durability: "fsync", on: disk)
    for (number, letter) in "hell".enumerated() {
      let client = try running.client()
      #expect(try client.hello(["a": nil]).streams["a"]?.expected ?? 0 == UInt64(number))
      try disk.set(.syncFails)
      try client.send(.text(String(letter)), to: "a", number: UInt64(number), epoch: 7)
      #expect(try running.daemon.process.waitForExit() == 74)
      #expect(try client.acknowledgements(of: "a").filter { $0 > number }.isEmpty)
      try disk.set(.none)
      try running.cutPower(of: disk, &survival)
      let again = try running.client()
      #expect(try again.hello(["a": nil]).streams["a"]?.expected ?? 0 == UInt64(number))
      try again.send(.text(String(letter)), to: "a", number: UInt64(number), epoch: 7)
      _ = try again.answers(of: "a", steps: 1)
    }
    try running.stop()
    #expect(try running.output().map(\.label) == ["e", "l", "l", "o"])
  }
}

/// What `pipe` makes of the same input, with nothing in its way.
enum Undisturbed {
  static func lines(of pipeline: PipelineText, _ input: [String]) throws -> [String: [String]] {
    let folder = try TemporaryFolder()
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let pipe = try ChildProcess.run(["pipe", path], input: input.joined(separator: "\n") + "\n")
    guard pipe.exitCode == 0 else {
      throw HarnessError.exited(
        waitingFor: "an undisturbed run", code: pipe.exitCode ?? -1,
        errors: pipe.errorLines.joined(separator: "\n"))
    }
    return byStream(pipe.outputLines)
  }

  /// The order is promised for each stream, not between them.
  static func byStream(_ lines: [String]) -> [String: [String]] {
    Dictionary(grouping: lines) { (try? OutputLine($0))?.stream ?? "not a line" }
  }
}
