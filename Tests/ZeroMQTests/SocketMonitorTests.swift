import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(1)))
struct SocketMonitorTests {
  let context: Context
  init() throws { context = try Context() }

  @Test func bothEndsSeeAConnectionComeAndGo() throws {
    let server = try Socket<Router>(context)
    var serverMonitor = try SocketMonitor(server)
    try server.bind("tcp://127.0.0.1:*")
    let endpoint = try server.lastEndpoint
    do {
      let client = try Socket<Dealer>(context)
      var clientMonitor = try SocketMonitor(client)
      try client.connect(endpoint)
      let seen = try clientMonitor.events(until: "handshake") { $0.kind == .handshakeSucceeded }
      #expect(seen.map(\.kind) == [.connectDelayed, .connected, .handshakeSucceeded])
      #expect(seen.allSatisfy { $0.endpoint == endpoint })
      #expect(try clientMonitor.next() == nil)
    }
    let seen = try serverMonitor.events(until: "going") { $0.kind == .disconnected }
    #expect(seen.map(\.kind) == [.listening, .accepted, .handshakeSucceeded, .disconnected])
    #expect(seen.allSatisfy { $0.endpoint == endpoint })
  }

  @Test func aServerThatIsNotThereIsTriedAgain() throws {
    let absent: String
    do {
      let socket = try Socket<Dealer>(context)
      try socket.bind("tcp://127.0.0.1:*")
      absent = try socket.lastEndpoint
      var monitor = try SocketMonitor(socket)
      // The port is free again only when the listener has gone.
      try socket.unbind(absent)
      _ = try monitor.events(until: "closing") { $0.kind == .closed }
    }
    let client = try Socket<Dealer>(context)
    try client.setLinger(.zero)
    var monitor = try SocketMonitor(client)
    try client.connect(absent)
    let seen = try monitor.events(until: "another attempt") {
      if case .connectRetried(let wait) = $0.kind { wait > .zero } else { false }
    }
    #expect(seen.map(\.kind).contains(.closed))
    #expect(!seen.map(\.kind).contains(.connected))
  }

  @Test func anAddressInUseIsAnEvent() throws {
    let first = try Socket<Router>(context)
    try first.bind("tcp://127.0.0.1:*")
    let endpoint = try first.lastEndpoint
    let second = try Socket<Router>(context)
    var monitor = try SocketMonitor(second)
    #expect(throws: ZeroMQError.self) { try second.bind(endpoint) }
    let seen = try monitor.events(until: "refusal") { $0.kind == .bindFailed(code: 98) }
    #expect(endpoint.hasSuffix(seen.last?.endpoint ?? "no endpoint"))
  }

  @Test func aPeerOfAnotherKindIsDisconnected() throws {
    let server = try Socket<Router>(context)
    try server.bind("tcp://127.0.0.1:*")
    var monitor = try SocketMonitor(server)
    let subscriber = try Socket<Subscribe>(context)
    try subscriber.connect(try server.lastEndpoint)
    let seen = try monitor.events(until: "refusal") { $0.kind == .disconnected }
    #expect(seen.map(\.kind) == [.accepted, .disconnected])
  }

  /// A ZMTP 3.0 greeting (23/ZMTP), then a command other than the READY that must follow.
  @Test func anUnexpectedCommandBreaksTheProtocol() throws {
    let server = try Socket<Router>(context)
    try server.bind("tcp://127.0.0.1:*")
    var monitor = try SocketMonitor(server)
    let peer = try PlainConnection(to: try server.lastEndpoint)
    let signature: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f]
    let mechanism = Array("NULL".utf8) + [UInt8](repeating: 0, count: 16)
    let greeting = signature + [3, 0] + mechanism + [UInt8](repeating: 0, count: 32)
    try peer.send(greeting + [0x04, 6, 5] + Array("HELLO".utf8))
    let seen = try monitor.events(until: "disconnection") { $0.kind == .disconnected }
    let unexpectedCommand: UInt32 = 0x1000_0001  // ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND
    #expect(seen.contains { $0.kind == .handshakeBrokeProtocol(error: unexpectedCommand) })
    #expect(peer.isEnded)
  }

  @Test func aPeerThatKeepsSilentFailsItsHandshake() throws {
    let server = try Socket<Router>(context)
    try server.setHandshakeInterval(.milliseconds(20))
    try server.bind("tcp://127.0.0.1:*")
    var monitor = try SocketMonitor(server)
    let silent = try PlainConnection(to: try server.lastEndpoint)
    let seen = try monitor.events(until: "disconnection") { $0.kind == .disconnected }
    #expect(seen.map(\.kind).first == .accepted)
    #expect(seen.contains { if case .handshakeFailed = $0.kind { true } else { false } })
    #expect(silent.isEnded)
  }

  /// A part of exactly the bound is taken, also several of them; one byte more costs its sender the
  /// connection and nobody else anything.
  @Test func aPartBeyondTheBoundDisconnectsOnlyItsSender() throws {
    let server = try Socket<Router>(context)
    try server.setMaximumMessageBytes(100)
    try server.bind("tcp://127.0.0.1:*")
    let good = try Socket<Dealer>(context)
    try good.connect(try server.lastEndpoint)
    let bad = try Socket<Dealer>(context)
    try bad.connect(try server.lastEndpoint)
    let full = [UInt8](repeating: 1, count: 100)
    try good.send(parts: [full, full, full])
    let received = try server.nextParts()
    #expect(Array(received.dropFirst()) == [full, full, full])
    try bad.send(strings: "hello")
    #expect(try server.nextParts().last == Array("hello".utf8))

    var monitor = try SocketMonitor(bad)
    try bad.send(parts: [full, full + [1]])
    let seen = try monitor.events(until: "return") { $0.kind == .handshakeSucceeded }
    #expect(seen.contains { $0.kind == .disconnected })
    // Nothing of the refused message arrives, and its sender may speak again.
    try bad.send(strings: "sorry")
    #expect(Array(try server.nextParts().dropFirst()) == [Array("sorry".utf8)])
    try good.send(strings: "still here")
    #expect(try server.nextParts() == [received[0], Array("still here".utf8)])
  }

  @Test func itsLastEventSaysThatTheSocketHasClosed() throws {
    var monitor: SocketMonitor
    do {
      let socket = try Socket<Dealer>(context)
      monitor = try SocketMonitor(socket)
    }
    let seen = try monitor.events(until: "end") { $0.kind == .stopped }
    #expect(seen.map(\.kind) == [.stopped])
    #expect(seen.first?.endpoint == "")
  }

  @Test func aSecondMonitorEndsTheFirst() throws {
    let socket = try Socket<Dealer>(context)
    var first = try SocketMonitor(socket)
    var second = try SocketMonitor(socket)
    _ = try first.events(until: "end") { $0.kind == .stopped }
    try socket.bind("tcp://127.0.0.1:*")
    let seen = try second.events(until: "listening") { $0.kind == .listening }
    #expect(seen.count == 1)
  }

  /// libzmq's I/O thread would wait for ever for a reader of its events, and with it every socket.
  @Test func withoutItsMonitorASocketGoesOn() throws {
    let server = try Socket<Router>(context)
    try server.bind("tcp://127.0.0.1:*")
    do { _ = try SocketMonitor(server) }
    let client = try Socket<Dealer>(context)
    try client.connect(try server.lastEndpoint)
    try client.send(strings: "hello")
    #expect(try server.nextParts().last == Array("hello".utf8))
  }

  /// More events than libzmq's queues hold by default (1000 at each end).
  @Test func anUnreadMonitorStopsNothing() throws {
    let socket = try Socket<Router>(context)
    var monitor = try SocketMonitor(socket)
    for _ in 0..<1500 {
      try socket.bind("tcp://127.0.0.1:*")
      try socket.unbind(try socket.lastEndpoint)
    }
    var listening = 0
    _ = try monitor.events(until: "1500 listeners") {
      if $0.kind == .listening { listening += 1 }
      return listening == 1500
    }
  }
}
