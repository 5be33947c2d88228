import Synchronization
import Testing
import ZeroMQ

/// CURVE, and who is let in (RFC 26, RFC 27).
struct AuthenticatorTests {
  private let context: Context
  private let serverPair: CurveKeyPair
  private let clientPair: CurveKeyPair

  init() throws {
    context = try Context()
    serverPair = try .generate()
    clientPair = try .generate()
  }

  /// The requests that were made, and the answer to each.
  private final class Door: Sendable {
    let requests = Mutex<[AdmissionRequest]>([])
    let verdict: AdmissionRequest.Verdict

    init(_ verdict: AdmissionRequest.Verdict) { self.verdict = verdict }

    func decide(_ request: AdmissionRequest) -> AdmissionRequest.Verdict {
      requests.withLock { $0.append(request) }
      return verdict
    }
  }

  private func server(isEncrypted: Bool = true) throws -> Socket<Router> {
    let server = try Socket<Router>(context)
    try server.setAuthenticationDomain("send")
    if isEncrypted { try server.setCurveServer(serverPair) }
    try server.setHandshakeInterval(.milliseconds(500))
    try server.bind("tcp://127.0.0.1:*")
    return server
  }

  private struct Client: ~Copyable {
    let socket: Socket<Dealer>
    var monitor: SocketMonitor
  }

  /// A client in a context of its own, as in another process.
  private func client(
    _ pair: CurveKeyPair?, of server: borrowing Socket<Router>, key: CurveKey? = nil
  ) throws -> Client {
    let client = try Socket<Dealer>(try Context())
    if let pair {
      try client.setCurveClient(CurveClientKeys(pair: pair, server: key ?? serverPair.publicKey))
    }
    try client.setLinger(.zero)
    let monitor = try SocketMonitor(client)
    try client.connect(try server.lastEndpoint)
    return Client(socket: client, monitor: monitor)
  }

  @Test func aClientThatIsAdmittedIsHeard() throws {
    let door = Door(.admit)
    let authenticator = try Authenticator(context, decide: door.decide)
    defer { authenticator.stop() }
    let server = try server()
    let client = try client(clientPair, of: server)
    try client.socket.send(strings: "hello")
    #expect(try server.nextParts().last == Array("hello".utf8))
    #expect(
      door.requests.withLock { $0 } == [
        AdmissionRequest(domain: "send", address: "127.0.0.1", key: clientPair.publicKey)
      ])
  }

  @Test func aClientThatIsDeniedIsToldSo() throws {
    let authenticator = try Authenticator(context, decide: Door(.deny).decide)
    defer { authenticator.stop() }
    let server = try server()
    var client = try client(clientPair, of: server)
    try client.socket.send(strings: "hello")
    _ = try client.monitor.events(until: "refusal") { $0.kind == .handshakeRefused(status: 400) }
    var message = Multipart()
    #expect(try !server.receive(into: &message))
  }

  @Test func aClientThatIsDeniedForNowTriesAgain() throws {
    let door = Door(.denyForNow)
    let authenticator = try Authenticator(context, decide: door.decide)
    defer { authenticator.stop() }
    let server = try server()
    var client = try client(clientPair, of: server)
    try client.socket.send(strings: "hello")
    var cut = 0
    _ = try client.monitor.events(until: "two cuts") {
      if $0.kind == .disconnected { cut += 1 }
      return cut == 2
    }
    #expect(door.requests.withLock { $0.count } >= 2)
  }

  @Test func withoutCurveOrWithAnotherServersKeyNobodyIsHeard() throws {
    let door = Door(.admit)
    let authenticator = try Authenticator(context, decide: door.decide)
    defer { authenticator.stop() }
    let server = try server()
    var plain = try client(nil, of: server)
    try plain.socket.send(strings: "hello")
    _ = try plain.monitor.events(until: "mismatch") {
      if case .handshakeBrokeProtocol = $0.kind { true } else { false }
    }
    var wrong = try client(clientPair, of: server, key: clientPair.publicKey)
    try wrong.socket.send(strings: "hello")
    _ = try wrong.monitor.events(until: "end") { $0.kind == .disconnected }
    var message = Multipart()
    #expect(try !server.receive(into: &message))
    #expect(door.requests.withLock { $0.isEmpty })
  }

  @Test func peersWithoutCurveAreAskedAboutWhereThereIsADomain() throws {
    let door = Door(.admit)
    let authenticator = try Authenticator(context, decide: door.decide)
    defer { authenticator.stop() }
    let server = try server(isEncrypted: false)
    let client = try client(nil, of: server)
    try client.socket.send(strings: "hello")
    #expect(try server.nextParts().last == Array("hello".utf8))
    #expect(
      door.requests.withLock { $0 } == [
        AdmissionRequest(domain: "send", address: "127.0.0.1", key: nil)
      ])
  }

  @Test func aContextHasOneAuthenticator() throws {
    let first = try Authenticator(context, decide: Door(.admit).decide)
    defer { first.stop() }
    let error = #expect(throws: ZeroMQError.self) {
      try Authenticator(context, decide: Door(.admit).decide)
    }
    #expect(error?.isAddressInUse == true)
  }

  @Test func aPeerCanBeCutOffByItsDescriptor() throws {
    let publisher = try Socket<ExtendedPublish>(context)
    try publisher.bind("tcp://127.0.0.1:*")
    let subscriber = try Socket<Subscribe>(try Context())
    var monitor = try SocketMonitor(subscriber)
    try subscriber.subscribe("tap/")
    try subscriber.connect(try publisher.lastEndpoint)
    var message = Multipart()
    try publisher.receiveWaiting(into: &message)
    let descriptor = message.sourceDescriptor(0)
    publisher.cutOff(try #require(descriptor))
    _ = try monitor.events(until: "end") { $0.kind == .disconnected }
  }

  @Test func keysAreFortyCharactersOfZ85() throws {
    // The pair of RFC 26's and zmq_curve(7)'s example.
    let pair = try #require(
      CurveKeyPair(secretText: "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"))
    #expect(pair.publicKey.text == "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7")
    #expect(!"\(pair)".contains("JTKV"))
    #expect(!String(reflecting: pair).contains("JTKV"))
    for text in ["", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf", String(repeating: "\"", count: 40)]
    {
      #expect(CurveKey(text) == nil)
      #expect(CurveKeyPair(secretText: text) == nil)
    }
  }
}
