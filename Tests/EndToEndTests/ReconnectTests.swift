import Glibc
import Testing

/// `pipe --connect` when the daemon is killed and started anew.
struct ReconnectTests {
  private let running: RunningPipeline
  private let path: String
  private let pipe: ChildProcess

  /// A pipe whose stream `a` is open and answered.
  init() throws {
    running = try RunningPipeline(.hello)
    path = running.folder.file("pipeline.yaml")
    pipe = try ChildProcess(["pipe", path, "--connect"])
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"he\"}\n".utf8))
    try pipe.read(until: "two answers") { $0.outputLines.count == 2 }
    // That they are acknowledged may be said 5 ms later, and these take longer.
    for number in 1...50 {
      pipe.write(Array("{\"stream\":\"z\(number)\",\"text\":\"h\",\"end\":true}\n".utf8))
      try pipe.read(until: "the answer of z\(number)") {
        $0.outputLines.filter { $0.contains("\"z") && $0.contains("label") }.count == number
      }
    }
  }

  /// What was sent and not heard of is sent again; where the daemon has forgotten what it had
  /// acknowledged, that is said and nothing goes on from zero.
  @Test func whatIsKeptIsSentAgainAndWhatIsLostIsSaid() throws {
    running.daemon.process.signal(SIGSTOP)
    // Until all its threads stand still, it could acknowledge what follows.
    var status: Int32 = 0
    while waitpid(running.daemon.process.processID, &status, WUNTRACED) < 0, errno == EINTR {}
    for line in [
      "{\"stream\":\"b\",\"text\":\"he\"}", "{\"stream\":\"b\",\"text\":\"ll\",\"end\":true}",
    ] {
      pipe.write(Array("\(line)\n".utf8))
    }
    try running.daemon.terminate(SIGKILL)
    try pipe.read(until: "the word that the daemon has gone") { !$0.errorLines.isEmpty }
    let second = try DaemonProcess(["run", path])
    try second.waitUntilReady()
    try pipe.read(until: "the answers of b") {
      $0.outputLines.filter { $0.contains("\"b\"") && $0.contains("label") }.count == 4
    }
    try pipe.read(until: "the loss of a") { $0.errorLines.contains { $0.contains("state-lost") } }
    // What follows of it is not taken for a new beginning.
    pipe.write(
      Array("{\"stream\":\"a\",\"text\":\"ll\"}\n{\"stream\":\"c\",\"text\":\"h\"}\n".utf8))
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 65)
    // What was lost is told in front of the word that the daemon is back, or behind it.
    #expect(pipe.errorLines.count == 3)
    #expect(pipe.errorLines.first?.hasSuffix(" is lost; waiting for the daemon") == true)
    #expect(pipe.errorLines.contains { $0.hasSuffix(" is back; going on") })
    #expect(pipe.errorLines.contains { $0.contains("stream a number 2: state-lost") })
    let lines = try pipe.outputLines.map { try OutputLine($0) }
    #expect(lines.filter { $0.stream == "a" }.map(\.number) == [0, 1])
    #expect(lines.filter { $0.stream == "b" }.map(\.label) == ["e", "l", "l", "o"])
    #expect(lines.filter { $0.stream == "c" }.map(\.label) == ["e"])
    #expect(try second.terminate(SIGTERM) == 0)
  }
}
