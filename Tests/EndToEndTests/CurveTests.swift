import Foundation
import Testing
import Wire
import ZeroMQ

/// Encrypted endpoints: who is let in where, what others are told, and that streams do not notice.
struct CurveTests {
  private static let clients = ["sender": "send", "tapper": "tap", "both": "send,tap"]

  private func running(
    _ pipeline: PipelineText = .hello, isSplit: Bool = false
  ) throws -> RunningPipeline {
    try RunningPipeline(
      pipeline, over: .tcp, isSplit: isSplit, isTapped: true, keys: TestKeys(Self.clients))
  }

  private func keys(_ name: String, _ running: RunningPipeline) throws -> CurveClientKeys {
    guard let keys = running.keys else { throw HarnessError.unexpected("no keys") }
    return try keys.keys(of: name)
  }

  /// A stream that goes on whatever else happens.
  private struct Witness {
    let client: WireClient
    var steps: UInt64 = 0

    mutating func step() throws {
      try client.send(.text("hello"), to: "witness", number: steps)
      #expect(try client.answers(of: "witness", steps: 5).first?.header.number == steps)
      steps += 5
    }
  }

  private func waitForLine(_ running: RunningPipeline, _ words: String...) throws {
    try running.daemon.process.read(until: "\(words)") { process in
      process.errorLines.contains { line in words.allSatisfy { line.contains($0) } }
    }
  }

  private func run(_ arguments: [String], input: String = "") throws -> (Int32?, String, String) {
    let process = try ChildProcess.run(arguments, input: Array(input.utf8))
    return (
      process.exitCode, String(decoding: process.output, as: UTF8.self),
      String(decoding: process.errors, as: UTF8.self)
    )
  }

  @Test func anEncryptedPipelineAnswersAsAPlainOne() throws {
    let running = try running()
    let expected = try run(["pipe", Checkout.path("Pipelines/hello.yaml")], input: "hello")
    for name in ["sender", "both"] {
      let (code, output, errors) = try run(
        ["pipe", running.file, "--connect", "--client-key", running.folder.file("\(name).key")],
        input: "hello")
      #expect(code == 0 && errors == "")
      #expect(output == expected.1)
    }
    // Who can read the daemon's own key needs no other.
    #expect(try run(["pipe", running.file, "--connect"], input: "hello").1 == expected.1)
    try running.stop()
  }

  @Test func aKeyMayDoWhatItsLineSaysAndNothingElse() throws {
    var pipeline = PipelineText.hello
    let port = try LoopbackSocket.freePorts(1)
    pipeline.sink = ["publish: tcp://127.0.0.1:\(port)"]
    pipeline.more = ["http: 127.0.0.1:0"]
    let running = try running(pipeline)
    let http = try HTTPClient(running.daemon)
    var witness = Witness(client: try WireClient(running.ingress, keys: keys("sender", running)))
    try witness.step()
    let file = running.file
    func key(_ name: String) -> [String] { ["--client-key", running.folder.file("\(name).key")] }
    func expectRefused(_ arguments: [String], _ reason: String, input: String = "") throws {
      let (code, output, errors) = try run(arguments, input: input)
      #expect(code == 77 && output == "", "\(arguments): \(errors)")
      #expect(errors.contains("not among the clients, or may not do this"))
      try waitForLine(running, "not let in", reason)
      try witness.step()
    }
    try expectRefused(
      ["pipe", file, "--connect"] + key("tapper"), "tapper may tap, not send", input: "hello")
    try expectRefused(["send", file] + key("tapper"), "tapper may tap, not send", input: "hello")
    try expectRefused(["tap", file] + key("sender"), "sender may send, not tap")
    try expectRefused(["tap", file, "output/"] + key("sender"), "sender may send, not tap")
    try expectRefused(
      ["record", file, "--output", running.folder.file("s.jsonl")] + key("sender"),
      "sender may send, not tap")
    _ = try TestKeys.generate(running.folder.file("stranger.key"))
    try expectRefused(
      ["pipe", file, "--connect"] + key("stranger"), "not among the clients", input: "hello")
    let topped = try run(["top", file, "--limit", "1"] + key("sender"))
    #expect(topped.0 == 77)
    #expect(try run(["tap", file, "tap/daemon/stats/", "--limit", "1"] + key("tapper")).0 == 0)
    #expect(try run(["top", file, "--limit", "1"] + key("tapper")).0 == 0)
    let recording = running.folder.file("r.jsonl")
    let recorded = try run(
      ["record", file, "--output", recording, "--seconds", "0.1"] + key("tapper"))
    #expect(recorded.0 == 0, "\(recorded.2)")
    let metrics = try http.metrics()
    func refused(_ endpoint: String, _ reason: String) -> Double {
      metrics["millrace_not_let_in_total{endpoint=\"\(endpoint)\",reason=\"\(reason)\"}"] ?? 0
    }
    #expect(refused("ingress", "permission") >= 2)
    #expect(refused("ingress", "unknown-key") >= 1)
    #expect(refused("monitor", "permission") >= 2)
    #expect(refused("sink.publish", "permission") >= 1)
    #expect(metrics["millrace_refused_total{code=\"bad-header\"}"] == 0)
    try running.stop()
  }

  /// A peer that keeps coming is logged once a second, not each time.
  @Test("fault 35: plain clients and wrong keys are not heard, and said")
  func plainClientsAndWrongServerKeysAreNotHeardAndSaidNowAndThen() throws {
    let running = try running()
    let strangers = try CurveKeyPair.generate()
    var witness = Witness(client: try WireClient(running.ingress, keys: keys("sender", running)))
    func intrude(_ keys: CurveClientKeys?) throws -> [WireClient] {
      try (0..<4).map { _ in
        let client = try WireClient(running.ingress, keys: keys)
        try client.send(.text("h"), to: "intruder", number: 0)
        return client
      }
    }
    let began = ContinuousClock.now
    let plain = try intrude(nil)
    // Which side notices first is chance.
    try waitForLine(running, "peer disconnected", "its handshake", "CURVE")
    let wrong = try intrude(CurveClientKeys(pair: strangers, server: strangers.publicKey))
    try waitForLine(running, "peer disconnected", "not encrypted for this daemon", "others=")
    try witness.step()
    for client in plain + wrong { #expect(try client.receiveAny(within: .zero) == nil) }
    let seconds = (ContinuousClock.now - began).components.seconds
    try running.stop()
    let lines = running.daemon.process.errorLines.filter { $0.contains("peer disconnected") }
    #expect(lines.count <= Int(seconds) + 2, "\(lines.count) lines in \(seconds) s")
    #expect(!running.daemon.process.errorLines.contains { $0.contains("intruder") })
  }

  @Test("fault 21: handshakes that never end are ended")
  func halfOpenHandshakesEndByThemselves() throws {
    let running = try running()
    var witness = Witness(client: try WireClient(running.ingress, keys: keys("sender", running)))
    let port = UInt16(running.ingress.split(separator: ":").last ?? "") ?? 0
    // The greeting of ZMTP 3.0 with CURVE, and then silence; or silence at once.
    let greeting: [UInt8] =
      [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + Array("CURVE".utf8)
      + [UInt8](repeating: 0, count: 47)
    let peers = try (0..<60).map { index in
      let peer = try LoopbackSocket(connectedTo: port)
      if index % 2 == 0 { peer.send(greeting) }
      return peer
    }
    try witness.step()
    try waitForLine(running, "peer disconnected", "handshake was not finished")
    for peer in peers { #expect(peer.isClosedByPeer(within: 20)) }
    try witness.step()
    try running.stop()
  }

  @Test func aMessageOverTheLimitCutsOffItsSenderAlone() throws {
    let running = try running()
    var witness = Witness(client: try WireClient(running.ingress, keys: keys("sender", running)))
    try witness.step()
    let client = try WireClient(running.ingress, keys: keys("both", running))
    try client.send(.text("h"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 1)
    var header = Header(kind: .data)
    (header.elementType, header.count, header.width, header.number) = (.text, 1 << 21, 1, 1)
    let payload = [UInt8](repeating: UInt8(ascii: "h"), count: 1 << 21)
    try client.send(parts: [Array("a".utf8), header.bytes, payload])
    try waitForLine(running, "client disconnected", "over 1048576 bytes")
    try witness.step()
    try client.send(.text("e"), to: "a", number: 1)
    #expect(try client.answers(of: "a", steps: 1)[0].header.number == 1)
    try running.stop()
  }

  @Test func moreConnectionsThanAllowedWaitUntilOneGoes() throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["limits: { connections: 2 }"]
    let running = try running(pipeline)
    var witness = Witness(client: try WireClient(running.ingress, keys: keys("sender", running)))
    try witness.step()
    var second: WireClient? = try WireClient(running.ingress, keys: keys("both", running))
    try second?.hello()
    let third = try WireClient(running.ingress, keys: keys("both", running))
    try third.sendHello([:])
    try waitForLine(running, "peer disconnected", "there are 2 connections already")
    try witness.step()
    #expect(try third.receiveAny(within: .zero) == nil)
    second = nil
    #expect(try third.receive(.welcome).header.kind == .welcome)
    try running.stop()
  }

  @Test func aSubscriberThatAsksForTooMuchIsCutOff() throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["limits: { subscriptions: 20 }"]
    let running = try running(pipeline)
    let keys = try keys("both", running)
    let modest = try TapSubscriber(
      running.monitor, topic: "tap/inference/output/", queueMessages: 0, keys: keys)
    let client = try WireClient(running.ingress, keys: keys)
    var number: UInt64 = 0
    func tapped() throws -> Bool {
      try client.send(.text("h"), to: "a", number: number)
      _ = try client.answers(of: "a", steps: 1)
      number += 1
      return try modest.receive(within: .milliseconds(20)) != nil
    }
    let deadline = Deadline.standard
    while try !tapped(), !deadline.hasPassed {}
    let greedy = try TapSubscriber(
      running.monitor, topic: "x/", queueMessages: 0, keys: keys)
    for index in 0..<100 { try greedy.subscribe("x/\(index)/") }
    try waitForLine(running, "subscriber cut off", "more than 20 subscriptions")
    #expect(try (0..<10).contains { _ in try tapped() })
    try running.stop()
  }

  /// Each process with a pair of its own, and the next one's public key.
  @Test func stagesInProcessesOfTheirOwnHaveKeysOfTheirOwn() throws {
    let keys = try TestKeys(
      ["sender": "send", "tokenizer": "link", "inference": "link", "sink": "link"])
    let port = try LoopbackSocket.freePorts(3)
    func endpoint(_ index: UInt16) -> String { "tcp://127.0.0.1:\(port + index)" }
    let publicKey = try ["tokenizer", "inference", "sink"].reduce(into: [String: CurveKey]()) {
      $0[$1] = try keys.keys(of: $1).pair.publicKey
    }
    func start(_ stage: String) throws -> DaemonProcess {
      var pipeline = PipelineText.hello
      pipeline.more = [
        "links: { tokens: \"\(endpoint(1))\", answers: \"\(endpoint(2))\", "
          + "tokens-key: \"\(publicKey["inference"]?.text ?? "")\", "
          + "answers-key: \"\(publicKey["sink"]?.text ?? "")\" }",
        "curve: { key: \(stage).key, clients: clients.keys }",
      ]
      let path = try keys.folder.write("\(stage).yaml", pipeline.text(ingress: endpoint(0)))
      return try DaemonProcess(["stage", stage.replacing("-stranger", with: ""), path])
    }
    _ = try TestKeys.generate(keys.path(of: "tokenizer-stranger"))
    let sink = try start("sink")
    let inference = try start("inference")
    // A stranger gets nowhere, and both sides say so.
    let stranger = try start("tokenizer-stranger")
    try stranger.process.read(until: "no connection") { process in
      process.errorLines.contains { $0.contains("no connection") && $0.contains("not let in") }
    }
    try inference.process.read(until: "not let in") { process in
      process.errorLines.contains { $0.contains("not let in") && $0.contains("not among") }
    }
    try stranger.terminate()
    let tokenizer = try start("tokenizer")
    for process in [sink, inference, tokenizer] { try process.waitUntilReady() }
    let client = try WireClient(
      endpoint(0), keys: keys.keys(of: "sender", for: publicKey["tokenizer"]))
    try client.send(.text("hello"), to: "a", number: 0)
    #expect(try client.answers(of: "a", steps: 5).flatMap(\.tokenIDs).count == 5)
    for process in [tokenizer, inference, sink] { #expect(try process.terminate() == 0) }
  }

  @Test("fault 35: start is refused off loopback without keys")
  func startIsRefusedInWords() throws {
    let keys = try TestKeys(Self.clients)
    func refused(_ lines: [String], says words: String) throws {
      var pipeline = PipelineText.hello
      pipeline.more = lines
      let path = try keys.folder.write("p.yaml", pipeline.text(ingress: "tcp://127.0.0.1:*"))
      let (code, _, errors) = try run(["run", path])
      #expect(code == 78, "\(errors)")
      #expect(errors.contains(words), "\(errors)")
    }
    try refused(["monitor: tcp://0.0.0.0:5552"], says: "is off loopback (0.0.0.0)")
    try refused(
      ["monitor: tcp://0.0.0.0:5552", "curve: { key: daemon.key, endpoints: [ingress] }"],
      says: "is off loopback (0.0.0.0)")
    try refused(["curve: { key: none.key }"], says: "none.key: the key file cannot be read")
    try refused(["curve: { clients: clients.keys }"], says: "\"curve.key\" is missing")
    try refused(
      ["curve: { key: \"\(keys.daemon)\" }"], says: "holds a key itself; name its file")
    try refused(["curve: { key: \"credential:millrace\" }"], says: "no CREDENTIALS_DIRECTORY")
    try refused(
      ["curve: { key: sender.key, server-key: \"\(keys.daemon)\" }"],
      says: "the key file's public key is")
    try keys.folder.write("clients.keys", "\(keys.daemon) sned\n")
    try refused(
      ["curve: { key: daemon.key, clients: clients.keys }"],
      says: "clients.keys:1:1: \"sned\" is no permission")
    chmod(keys.folder.file("daemon.key"), 0o640)
    try refused(["curve: { key: daemon.key }"], says: "that others can read (mode 640)")
  }

  @Test func keysComeFromSystemdCredentialsToo() throws {
    let keys = try TestKeys(Self.clients)
    var pipeline = PipelineText.hello
    pipeline.more = ["curve: { key: \"credential:daemon.key\", clients: clients.keys }"]
    let path = try keys.folder.write("p.yaml", pipeline.text(ingress: "tcp://127.0.0.1:*"))
    chmod(keys.folder.file("daemon.key"), 0o440)
    let checked = try ChildProcess.run(
      ["check", path], variables: ["CREDENTIALS_DIRECTORY": keys.folder.path])
    #expect(checked.exitCode == 0, "\(checked.errorLines)")
  }

  @Test func keygenLeavesAFileThatIsThere() throws {
    let keys = try TestKeys([:])
    let path = keys.folder.file("daemon.key")
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    let again = try run(["keygen", path])
    #expect(again.0 == 74 && again.2.contains("exists already"))
    #expect(try run(["keygen", "--show", path]).1 == "\(keys.daemon)\n")
  }
}
