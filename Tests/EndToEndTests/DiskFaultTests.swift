import Foundation
import Glibc
import Testing
import Wire

/// A store whose disk is full, fails, or is not there: `Docs/reliability.md`.
struct DiskFaultTests {
  /// Nothing is acknowledged while there is no room for it; then all is, by the same process.
  @Test("fault 5: disk full") func aFullDiskIsWaitedOut() throws {
    let disk = try FaultyDisk()
    let running = try RunningPipeline(.hello, isTapped: true, durability: "fsync", on: disk)
    let tap = try TapSubscriber(running.monitor, topic: "tap/daemon/events/", queueMessages: 100)
    let client = try running.client()
    try client.hello()
    // Until the subscription is there.
    var others = 0
    repeat {
      others += 1
      try client.send(.text("h"), to: "other-\(others)", number: 0)
    } while try tap.receive(within: .milliseconds(50)) == nil
    try client.send(.text("he"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 2)
    try disk.set(.full)
    try client.send(.text("ll"), to: "a", number: 2)
    let log = running.daemon.process
    try log.read(until: "the store to wait") { $0.has("the store cannot be written") }
    var events: [String] = []
    while let event = try tap.receive(within: .seconds(10)) {
      events.append(event.text)
      if event.text.contains("\"event\":\"store-full\"") { break }
    }
    #expect(events.last?.contains("store-full") == true, "\(events)")
    #expect(try client.acknowledgements(of: "a").filter { $0 > 2 }.isEmpty)
    try disk.set(.none)
    #expect(try client.receive(.acknowledge, of: "a").header.number == 4)
    _ = try client.answers(of: "a", steps: 2)
    try log.read(until: "the store to go on") { $0.has("the store is written again") }
    try running.stop()
    let written = try running.output().filter { $0.stream == "a" }
    #expect(written.map(\.label) == ["e", "l", "l", "o"])
  }

  /// The output's disk is full, without a store.
  @Test("fault 5: disk full, output") func answersWaitForRoomInTheOutput() throws {
    let disk = try FaultyDisk()
    var pipeline = PipelineText.hello
    pipeline.sink = ["file: \(disk.folder.file("output.jsonl"))"]
    let running = try RunningPipeline(pipeline, on: disk)
    let client = try running.client()
    try client.hello()
    try disk.set(.full)
    try client.send(.text("hell"), to: "a", number: 0)
    let log = running.daemon.process
    try log.read(until: "the output to wait") { $0.has("the output's disk is full") }
    #expect(try running.folder.lines(of: "output.jsonl").isEmpty)
    try disk.set(.none)
    try log.read(until: "the output to go on") { $0.has("the output is written again") }
    try running.stop()
    #expect(try running.output().map(\.label) == ["e", "l", "l", "o"])
  }

  /// No second try: the kernel may have dropped what it could not write.
  @Test("fault 6: fsync fails") func aFailedSyncEndsTheProcess() throws {
    let disk = try FaultyDisk()
    let running = try RunningPipeline(.hello, durability: "fsync", on: disk)
    let client = try running.client(behind: "he", epoch: 7)
    try disk.set(.syncFails)
    try client.send(.text("l"), to: "a", number: 2, epoch: 7)
    #expect(try running.daemon.process.waitForExit() == 74)
    let last = running.daemon.process.errorLines.last ?? ""
    #expect(last.contains("writing the state store") && last.contains("nothing more"), "\(last)")
    #expect(try client.acknowledgements(of: "a").filter { $0 > 2 }.isEmpty)
    try disk.set(.none)
    var survival = FaultyDisk.Survival.nothing
    try running.cutPower(of: disk, &survival)
    let again = try running.client()
    #expect(try again.hello(["a": nil]).streams["a"]?.expected == 2)
    try again.send(.text("ll"), to: "a", number: 2, epoch: 7)
    _ = try again.answers(of: "a", steps: 2)
    try running.stop()
    #expect(try running.output().map(\.label) == ["e", "l", "l", "o"])
  }

  /// Steps of one letter with notes, so many that SQLite's log is to be put into its file.
  ///
  /// - Returns: how many of them there were.
  private func sendMuch(from first: UInt64, _ client: WireClient) throws -> UInt64 {
    let note = Array(#"{"pad":"\#(String(repeating: "x", count: 1000))"}"#.utf8)
    let count: UInt64 = 6000
    for number in first..<first + count {
      var header = Header(kind: .data)
      (header.number, header.epoch) = (number, 7)
      (header.elementType, header.count, header.width) = InputData.text("h").shape
      try client.send(header, stream: "a", payload: Array("h".utf8), note: note)
    }
    return count
  }

  /// Only SQLite's file has no room, where its log is to go: commits go on, and each is made once.
  @Test("fault 5: disk full, SQLite's file") func commitsGoOnWhileTheLogCannotBePutAway() throws {
    let disk = try FaultyDisk()
    let running = try RunningPipeline(.hello, durability: "os", on: disk)
    let client = try running.client(behind: "h", epoch: 7)
    func size(_ name: String) throws -> Int {
      let attributes = try FileManager.default.attributesOfItem(atPath: disk.folder.file(name))
      return attributes[.size] as? Int ?? 0
    }
    let before = try size("state.sqlite")
    try disk.set(.databaseFull)
    let count = try sendMuch(from: 1, client) + 1
    _ = try client.answers(of: "a", steps: Int(count) - 1)
    while try client.receive(.acknowledge, of: "a").header.number < count {}
    #expect(try size("state.sqlite") == before)
    #expect(try size("state.sqlite-wal") > 4 << 20)
    #expect(!running.daemon.process.has("the store cannot be written"))
    try disk.set(.none)
    try running.crash(0)
    let again = try running.client()
    #expect(try again.hello(["a": nil]).streams["a"]?.expected == count)
    try again.send(.text("e"), to: "a", number: count, flags: .end, epoch: 7)
    _ = try again.answersToEnd(of: "a")
    try running.stop()
    #expect(try running.output().map(\.number) == Array(0...count))
  }

  /// Where the output is synced beside commits, before SQLite's log is put away: whoever asks a second time
  /// hears that all is well.
  @Test("fault 6: one fsync fails") func oneFailedSyncEndsTheProcess() throws {
    let disk = try FaultyDisk()
    let running = try RunningPipeline(.hello, durability: "os", on: disk)
    let client = try running.client(behind: "h", epoch: 7)
    try disk.set(.syncFailsOnce)
    _ = try sendMuch(from: 1, client)
    #expect(try running.daemon.process.waitForExit() == 74)
    let last = running.daemon.process.errorLines.last ?? ""
    #expect(last.contains("writing the state store") && last.contains("nothing more"), "\(last)")
  }

  /// Clients that send all they may, and more, while nothing gets out: what is queued is bounded.
  ///
  /// Then the daemon is killed.
  @Test("fault 33: memory pressure") func queuesAreBoundedAndAKillLosesNothing() throws {
    let disk = try FaultyDisk()
    let running = try RunningPipeline(.hello, durability: "fsync", on: disk)
    let clients = try (0..<4).map { _ in try running.client() }
    for client in clients { try client.hello() }
    func text(_ index: Int) -> String { String(repeating: "hell", count: 100 + index) }
    func send(_ round: Int) throws {
      for (index, client) in clients.enumerated() {
        for number in 0..<(round == 0 ? 1 : 400) {
          let name = "s\(index)-\(round)-\(number)"
          try client.send(.text(text(index)), to: name, number: 0, epoch: 7)
        }
      }
    }
    try send(0)
    for (index, client) in clients.enumerated() {
      _ = try client.answers(of: "s\(index)-0-0", steps: text(index).count)
    }
    let before = try running.daemon.process.residentKiB()
    try disk.set(.full)
    try send(1)
    let log = running.daemon.process
    try log.read(until: "the store to wait") { $0.has("the store cannot be written") }
    for client in clients { _ = try client.acknowledgements(of: "none") }
    let growth = try log.residentKiB() - before
    if !Checkout.isSanitized { #expect(growth < 64 * 1024, "\(growth) KiB") }
    log.signal(SIGKILL)
    #expect(try log.waitForExit() == 128 + SIGKILL)
    try disk.set(.none)
    try running.start(0)
    let again = try running.client()
    try again.hello()
    for index in clients.indices {
      let end = UInt64(text(index).count)
      try again.send(.none, to: "s\(index)-0-0", number: end, flags: .end, epoch: 7)
      #expect(try again.answersToEnd(of: "s\(index)-0-0").last?.isLast == true)
    }
    try running.stop()
    let written = Dictionary(grouping: try running.output(), by: \.stream)
    for index in clients.indices {
      let numbers = written["s\(index)-0-0"]?.map { Int($0.number) }
      #expect(numbers == Array(0..<text(index).count))
    }
  }

  @Test("fault 7: no state folder") func aMissingFolderIsSaidAndRefused() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.more = ["state: { store: \(folder.file("nowhere/state.sqlite")) }"]
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let check = try ChildProcess.run(["check", path])
    #expect(check.exitCode == 78)
    let told = check.errorLines.first ?? ""
    #expect(told.contains("\(folder.file("nowhere")) does not exist; make that"), "\(told)")
    let run = try ChildProcess.run(["run", path])
    #expect(run.exitCode == 74)
    #expect(run.errorLines.last?.contains("cannot open the state store") == true)
  }

  /// A folder that nobody may write to, not even the superuser.
  @Test("fault 7: read-only state folder") func aReadOnlyFolderIsRefused() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.more = ["state: { store: /proc/self/state.sqlite }"]
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let run = try ChildProcess.run(["run", path])
    #expect(run.exitCode == 74)
    #expect(
      run.errorLines.last?.contains("name a folder that exists and is writable") == true,
      "\(run.errorLines)")
  }
}

extension ChildProcess {
  fileprivate func has(_ text: String) -> Bool { errorLines.contains { $0.contains(text) } }
}
