import Foundation
import Testing
import ZeroMQ

/// The same message over each transport, and what endpoints can be refused for.
struct TransportTests {
  @Test(arguments: ["inproc://letters", "tcp://127.0.0.1:*", "ipc"])
  func partsArriveAsTheyWereSent(transport: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "zmq-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
    let context = try Context()
    let receiver = try Socket<Dealer>(context)
    try receiver.bind(transport == "ipc" ? "ipc://\(folder.path)/letters" : transport)
    let sender = try Socket<Dealer>(context)
    try sender.connect(try receiver.lastEndpoint)

    let parts: [[UInt8]] = [[], [0], Array("b".utf8), [], [UInt8](repeating: 7, count: 70_000), []]
    #expect(try sender.send(parts: parts) == parts.map { _ in .sent })
    #expect(try receiver.nextParts() == parts)
    try receiver.send(parts: [[]])
    #expect(try sender.nextParts() == [[]])
  }

  @Test func theSystemChoosesThePort() throws {
    let socket = try Socket<Router>(try Context())
    try socket.bind("tcp://127.0.0.1:*")
    let endpoint = try socket.lastEndpoint
    let port = try #require(UInt16(endpoint.split(separator: ":").last ?? ""))
    #expect(endpoint == "tcp://127.0.0.1:\(port)")
    #expect(port > 0)
  }

  @Test func anAddressInUseIsNamed() throws {
    let context = try Context()
    let first = try Socket<Router>(context)
    try first.bind("tcp://127.0.0.1:*")
    let endpoint = try first.lastEndpoint
    let second = try Socket<Router>(context)
    let error = #expect(throws: ZeroMQError.self) { try second.bind(endpoint) }
    #expect(error?.description == "zmq_bind \(endpoint): Address already in use (98)")
    #expect(error?.isAddressInUse == true)
    #expect(error?.isContextTerminated == false)
    // Without the first, the second may: the failure left nothing behind.
    try second.bind("tcp://127.0.0.1:*")
  }

  @Test func aWrongEndpointIsNamed() throws {
    let socket = try Socket<Dealer>(try Context())
    let unparsed = #expect(throws: ZeroMQError.self) { try socket.connect("nonsense") }
    #expect(unparsed?.description == "zmq_connect nonsense: Invalid argument (22)")
    let unknown = #expect(throws: ZeroMQError.self) { try socket.bind("carrier://pigeon") }
    #expect(unknown?.description == "zmq_bind carrier://pigeon: Protocol not supported (93)")
    let absent = #expect(throws: ZeroMQError.self) { try socket.disconnect("inproc://nobody") }
    #expect(
      absent?.description == "zmq_disconnect inproc://nobody: No such file or directory (2)")
  }

  @Test func aDisconnectedEndpointIsSentNothing() throws {
    let context = try Context()
    let receiver = try Socket<Dealer>(context)
    try receiver.bind("inproc://left")
    let sender = try Socket<Dealer>(context)
    try sender.connect("inproc://left")
    #expect(try sender.send(strings: "before") == [.sent])
    try sender.disconnect("inproc://left")
    #expect(try sender.send(strings: "after") == [.wouldBlock])
    #expect(try receiver.nextStrings() == ["before"])
  }

  /// libzmq alone would unlink the path and bind: the one who served it would be unreachable.
  @Test func anIPCPathThatIsServedIsNotTakenAway() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "mr-\(UUID().uuidString)")
      .path
    let context = try Context()
    let first = try Socket<Router>(context)
    try first.bind("ipc://\(path)")
    let second = try Socket<Router>(context)
    #expect {
      try second.bind("ipc://\(path)")
    } throws: {
      ($0 as? ZeroMQError)?.isAddressInUse == true
    }
    #expect(try first.lastEndpoint == "ipc://\(path)")
    // A path that nobody serves is taken over: what a killed daemon leaves behind.
    try Data().write(to: URL(filePath: path + "-left"))
    try second.bind("ipc://\(path)-left")
  }
}
