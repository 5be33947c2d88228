import Foundation
import Glibc
import Testing

/// `millrace tap --from-number`: a tap that comes late, where the store keeps the lines.
struct HistoryTapTests {
  /// Letters of the hello vocabulary, so many of them.
  private static func text(_ count: Int) -> String {
    String((0..<count).map { Array("helo")[($0 * 7 + $0 / 3) % 4] })
  }

  /// 0: the daemon; 3: the sink in a process of its own.
  @Test(
    "fault 25: a late tap gets a replay from a number, then live, no hole, no double",
    arguments: [0, 3])
  func aLateTapMissesNothing(victim: Int) throws {
    let running = try RunningPipeline(
      .hello, isSplit: victim > 0, isTapped: true, durability: "os", history: "1h")
    let pipe = try ChildProcess(["pipe", running.file, "--connect"])
    func send(_ text: String, end: Bool = false) {
      for stream in ["a", "b"] {
        pipe.write(Array("{\"stream\":\"\(stream)\",\"text\":\"\(text)\",\"end\":\(end)}\n".utf8))
      }
    }
    // More than two pages of lines before anybody listens.
    send(Self.text(1200))
    try pipe.read(until: "2400 answers") { $0.outputLines.count == 2400 }
    let from = 57
    let total = 1200 + 600 + 400
    let tap = try ChildProcess([
      "tap", running.file, "--stream", "a", "--from-number", "\(from)", "--limit",
      "\(total - from)",
    ])
    try tap.read(until: "the first line") { !$0.outputLines.isEmpty }
    // Live, over the end of a page, then over a killed process.
    send(Self.text(600))
    try pipe.read(until: "3600 answers") { $0.outputLines.count == 3600 }
    try running.crash(max(0, victim - 1))
    send(Self.text(400), end: true)
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0)
    #expect(try tap.waitForExit() == 0, "\(tap.errorLines)")
    try running.stop()
    let written = try running.folder.lines(of: "output.jsonl")
      .filter { $0.hasPrefix("{\"stream\":\"a\"") }
    let heard = tap.outputLines.map { line in
      String(line.drop { $0 != "v" }.dropFirst("value\":".count).dropLast())
    }
    #expect(written.count == total)
    #expect(heard == Array(written.dropFirst(from)))
    #expect(
      tap.outputLines.first?.hasPrefix("{\"topic\":\"tap/sink/result/a/\",\"number\":57,") == true)
    #expect(tap.errorLines.last == "millrace: \(total - from) messages, 0 lost")
  }

  @Test func whatIsAskedForInVainIsSaidInWords() throws {
    let running = try RunningPipeline(.hello, isTapped: true, durability: "os")
    let arguments = ["tap", running.file, "--from-number", "0"]
    let noStream = try ChildProcess.run(arguments)
    #expect(noStream.exitCode == 64)
    #expect(noStream.errorLines.joined().contains("name it with --stream NAME"))
    let noHistory = try ChildProcess.run(arguments + ["--stream", "a"])
    #expect(noHistory.exitCode == 78)
    #expect(noHistory.errorLines.joined().contains("history: 10m"))
    // The file says so, the daemon that runs does not know of it.
    let state = running.folder.file("state.sqlite")
    let changed = try ChildProcess(
      arguments + ["--stream", "a", "--set", "state={ store: \(state), history: 1h }"])
    try changed.read(until: "a complaint") { process in
      process.errorLines.contains { $0.contains("was the daemon started with state.history?") }
    }
    kill(changed.processID, SIGINT)
    #expect(try changed.waitForExit() == 0)
    try running.stop()
  }
}
