import Glibc
import Testing

/// An inference stage that is killed and started anew, without a store.
struct StateLostTests {
  /// The stream is refused by name, nothing goes on from zero, and it may begin anew.
  @Test func aStreamWhoseWorkerDiedIsRefusedUntilItBeginsAnew() throws {
    let running = try RunningPipeline(.hello, isSplit: true)
    let path = running.folder.file("pipeline.yaml")
    let pipe = try ChildProcess(["pipe", path, "--connect"])
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"he\"}\n".utf8))
    try pipe.read(until: "two answers") { $0.outputLines.count == 2 }
    try running.processes[1].terminate(SIGKILL)
    let second = try DaemonProcess(["stage", "inference", path])
    try second.waitUntilReady()
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"ll\"}\n".utf8))
    try pipe.read(until: "the loss of a") { $0.errorLines.contains { $0.contains("state-lost") } }
    pipe.write(
      Array("{\"stream\":\"b\",\"text\":\"hell\",\"end\":true}\n".utf8))
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 65)
    let lines = try pipe.outputLines.map { try OutputLine($0) }
    #expect(lines.filter { $0.stream == "a" }.map(\.number) == [0, 1])
    #expect(lines.filter { $0.stream == "b" }.map(\.label) == ["e", "l", "l", "o"])
    #expect(try second.terminate(SIGTERM) == 0)
  }
}
