import Foundation
import Glibc
import Testing

/// Pipelines with a store whose processes are killed: `Docs/reliability.md`.
struct RecoveryTests {
  /// 0: the daemon; 1 to 3: tokenizer, inference, sink in processes of their own.
  @Test("fault 1: kill -9", arguments: ["os", "fsync"], [0, 1, 2, 3])
  func aKilledProcessGoesOnWhereItWas(durability: String, victim: Int) throws {
    let running = try RunningPipeline(.hello, isSplit: victim > 0, durability: durability)
    let pipe = try ChildProcess(["pipe", running.folder.file("pipeline.yaml"), "--connect"])
    func send(_ line: String) { pipe.write(Array("\(line)\n".utf8)) }
    send("{\"stream\":\"a\",\"text\":\"he\"}")
    send("{\"stream\":\"b\",\"text\":\"hel\"}")
    try pipe.read(until: "five answers") { $0.outputLines.count == 5 }
    try running.crash(max(0, victim - 1))
    send("{\"stream\":\"a\",\"text\":\"ll\",\"end\":true}")
    send("{\"stream\":\"b\",\"text\":\"l\",\"end\":true}")
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0)
    let answers = try pipe.outputLines.map { try OutputLine($0) }
    try running.stop()
    let written = try running.output()
    for stream in ["a", "b"] {
      for lines in [answers, written] {
        let own = lines.filter { $0.stream == stream }
        #expect(own.map(\.number) == [0, 1, 2, 3])
        #expect(own.map(\.label) == ["e", "l", "l", "o"])
      }
    }
  }

  /// What lies behind the last commit is taken off, and comes again.
  @Test func theOutputFileIsCutToWhatIsCommitted() throws {
    let running = try RunningPipeline(.hello, durability: "os")
    let pipe = try ChildProcess(["pipe", running.folder.file("pipeline.yaml"), "--connect"])
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"hell\",\"end\":true}\n".utf8))
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0)
    try running.stop()
    let path = running.folder.file("output.jsonl")
    let whole = try #require(FileManager.default.contents(atPath: path))
    try (whole + Data("{\"stream\":\"a\",\"num".utf8)).write(to: URL(filePath: path))
    try running.start(0)
    try running.stop()
    #expect(FileManager.default.contents(atPath: path) == whole)
  }

  @Test("fault 7: a second daemon") func twoDaemonsDoNotShareAStore() throws {
    let running = try RunningPipeline(.hello, durability: "os")
    let second = try ChildProcess(["run", running.folder.file("pipeline.yaml")])
    #expect(try second.waitForExit() == 69)
    #expect(second.errorLines.last?.contains("is in use by another process") == true)
    try running.stop()
  }

  @Test func aStoreOfAnotherModelIsRefused() throws {
    let running = try RunningPipeline(.hello, durability: "os")
    try running.stop()
    var other = PipelineText.motion
    other.more = ["state: { store: \(running.folder.file("state.sqlite")) }"]
    let path = try running.folder.write("other.yaml", other.text(ingress: running.ingress))
    let second = try ChildProcess(["run", path])
    #expect(try second.waitForExit() == 78)
    #expect(second.errorLines.last?.contains("belongs to the model sha256:") == true)
  }

  @Test("fault 4: a damaged store") func aDamagedStoreIsRefused() throws {
    let running = try RunningPipeline(.hello, durability: "os")
    try running.stop()
    let path = running.folder.file("state.sqlite")
    var bytes = try #require(FileManager.default.contents(atPath: path))
    for index in 100..<bytes.count { bytes[index] ^= 0x55 }
    try bytes.write(to: URL(filePath: path))
    let second = try ChildProcess(["run", running.folder.file("pipeline.yaml")])
    #expect(try second.waitForExit() == 65)
    let last = second.errorLines.last ?? ""
    #expect(last.contains("is damaged") && last.contains("put a backup in its place"), "\(last)")
  }
}
