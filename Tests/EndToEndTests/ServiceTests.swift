import Foundation
import Glibc
import Testing
import Wire

/// The daemon as a service of systemd: what it tells, and what SIGHUP does.
struct ServiceTests {
  private let notices: NotifySocket
  private let keys: TestKeys

  init() throws {
    notices = try NotifySocket()
    keys = try TestKeys(["first": "send", "second": "tap"])
  }

  private func start(_ more: [String] = [], watchdog: String = "2000000") throws -> DaemonProcess {
    var pipeline = PipelineText.hello
    pipeline.more = [keys.section] + more
    let path = try keys.folder.write("p.yaml", pipeline.text(ingress: ingress))
    return try DaemonProcess(
      ["run", path], variables: ["NOTIFY_SOCKET": notices.path, "WATCHDOG_USEC": watchdog])
  }

  private let ingress = "tcp://127.0.0.1:\((try? LoopbackSocket.freePorts(1)) ?? 0)"

  @Test("fault 34: an idle daemon feeds the watchdog")
  func readinessLifeAndTheEndAreTold() throws {
    let daemon = try start()
    #expect(try notices.next("READY=1") == "READY=1\nSTATUS=serving \(ingress)")
    // Idle loops turn.
    for _ in 0..<5 { #expect(try notices.next("WATCHDOG=1") == "WATCHDOG=1") }
    daemon.process.signal(SIGTERM)
    #expect(try notices.next("STOPPING=1").hasPrefix("STOPPING=1\nSTATUS="))
    #expect(try daemon.process.waitForExit() == 0)
    #expect(!daemon.process.errorLines.contains { $0.contains("watchdog") })
  }

  /// The sink waits by design while the reader of its output is slow.
  @Test("fault 34: a daemon that waits for a slow reader feeds the watchdog")
  func aSlowReaderDoesNotStopThePings() throws {
    let fifo = keys.folder.file("out")
    #expect(mkfifo(fifo, 0o600) == 0)
    // Opened for both, so that neither end waits; never read.
    let reader = open(fifo, O_RDWR | O_CLOEXEC)
    defer { close(reader) }
    let daemon = try start(["sink: { file: \(fifo) }"])
    try daemon.waitUntilReady()
    let client = try WireClient(ingress, keys: try keys.keys(of: "first"))
    try client.hello()
    var number: UInt64 = 0
    let text = [UInt8](repeating: UInt8(ascii: "h"), count: 1000)
    while client.sent + 1000 <= client.credit {
      try client.send(.text(text), to: "a", number: number)
      number += 1000
      _ = try client.receiveAny(within: .milliseconds(20))
    }
    for _ in 0..<10 { _ = try notices.next("WATCHDOG=1") }
    daemon.process.signal(SIGKILL)
  }

  @Test("fault 30: on SIGHUP a wrong list of clients changes nothing")
  func hangupReadsTheListOfClientsAgain() throws {
    let daemon = try start()
    try daemon.waitUntilReady()
    let first = try WireClient(ingress, keys: try keys.keys(of: "first"))
    try first.hello()
    let second = try WireClient(ingress, keys: try keys.keys(of: "second"))
    try second.sendHello([:])
    try daemon.process.read(until: "a refusal") { process in
      process.errorLines.contains { $0.contains("second may tap, not send") }
    }
    try keys.allow(["first": "send", "second": "send,tap"])
    daemon.process.signal(SIGHUP)
    #expect(try notices.next("RELOADING=1").contains("\nMONOTONIC_USEC="))
    _ = try notices.next("READY=1")
    try daemon.waitFor(event: "reloaded")
    // Told no, the refused connection is not made again; another is.
    let third = try WireClient(ingress, keys: try keys.keys(of: "second"))
    #expect(try third.hello().credit > 0)
    // A list that is wrong changes nothing.
    try keys.folder.write("clients.keys", "nonsense\n")
    daemon.process.signal(SIGHUP)
    try daemon.process.read(until: "not reloaded") { process in
      process.errorLines.contains { $0.contains("not reloaded") && $0.contains("clients.keys:1:1") }
    }
    let fourth = try WireClient(ingress, keys: try keys.keys(of: "second"))
    #expect(try fourth.hello().credit > 0)
    #expect(try daemon.terminate() == 0)
  }

  @Test("fault 31: a storm of SIGHUP harms no stream")
  func aStormOfHangupsHarmsNoStream() throws {
    let daemon = try start()
    try daemon.waitUntilReady()
    let client = try WireClient(ingress, keys: try keys.keys(of: "first"))
    for number in 0..<200 {
      daemon.process.signal(SIGHUP)
      try client.send(.text("h"), to: "a", number: UInt64(number))
      #expect(try client.answers(of: "a", steps: 1)[0].header.number == UInt64(number))
    }
    #expect(try daemon.terminate() == 0)
  }
}
