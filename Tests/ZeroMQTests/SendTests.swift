import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(1)))
struct SendTests {
  let context: Context
  init() throws { context = try Context() }

  @Test func withoutAPeerItWouldBlock() throws {
    let socket = try Socket<Dealer>(context)
    try socket.bind("inproc://alone")
    #expect(try socket.send(strings: "a") == [.wouldBlock])
  }

  /// Over inproc the queue has both marks together (zmq_setsockopt(3), `ZMQ_SNDHWM`).
  @Test func atTheHighWaterMarkItWouldBlockUntilThePeerReads() throws {
    let ends = try Ends(context, "inproc://marks", sendMark: 3, receiveMark: 2)
    let outcomes = try (0..<7).map { try ends.sender.send(strings: "message \($0)") }
    #expect(
      outcomes == [[.sent], [.sent], [.sent], [.sent], [.sent], [.wouldBlock], [.wouldBlock]])
    for number in 0..<5 { #expect(try ends.receiver.nextStrings() == ["message \(number)"]) }
    // Waits, since `.wouldBlock` may be told for a millisecond after there is room.
    try Array("room".utf8).withUnsafeBytes { try ends.sender.sendWaiting($0, more: false) }
    #expect(try ends.receiver.nextStrings() == ["room"])
  }

  /// A message whose first part was accepted is accepted whole, also when there is room for no
  /// other.
  @Test func aMessageBegunIsNeverCutByTheMark() throws {
    let ends = try Ends(context, "inproc://whole", sendMark: 1, receiveMark: 1)
    try ends.sender.send(strings: "first")
    let parts = (0..<100).map { [UInt8($0)] }
    #expect(try ends.sender.send(parts: parts) == parts.map { _ in .sent })
    #expect(try ends.sender.send(strings: "third") == [.wouldBlock])
    #expect(try ends.receiver.nextStrings() == ["first"])
    var message = Multipart(capacity: 100)
    try ends.receiver.receiveWaiting(into: &message)
    #expect((0..<message.partCount).map { Array(message.bytes($0)) } == parts)
  }

  @Test func aMandatoryRouterNamesThePeerThatIsNotThere() throws {
    let router = try Socket<Router>(context)
    try router.setRouterMandatory(true)
    try router.bind("inproc://mandatory")
    #expect(
      try Array("nobody".utf8).withUnsafeBytes { try router.send($0, more: true) }
        == .unreachable)

    // The refused part left nothing behind: a message to a peer that is there arrives whole.
    let dealer = try Socket<Dealer>(context)
    try dealer.connect("inproc://mandatory")
    try dealer.send(strings: "hello")
    let hello = try router.nextParts()
    #expect(hello.count == 2)
    #expect(try router.send(parts: [hello[0], Array("answer".utf8)]) == [.sent, .sent])
    #expect(try dealer.nextStrings() == ["answer"])
  }

  @Test func aMandatoryRouterWouldBlockForAFullPeer() throws {
    let router = try Socket<Router>(context)
    try router.setRouterMandatory(true)
    try router.setSendHighWaterMark(1)
    try router.bind("inproc://full")
    let dealer = try Socket<Dealer>(context)
    try dealer.setReceiveHighWaterMark(1)
    try dealer.connect("inproc://full")
    try dealer.send(strings: "hello")
    let name = try router.nextParts()[0]
    #expect(try router.send(parts: [name, [1]]) == [.sent, .sent])
    #expect(try router.send(parts: [name, [2]]) == [.sent, .sent])
    #expect(try name.withUnsafeBytes { try router.send($0, more: true) } == .wouldBlock)
    #expect(try dealer.nextParts() == [[1]])
    #expect(try dealer.nextParts() == [[2]])
  }

  @Test func anotherRouterDropsWhatHasNoPeer() throws {
    let router = try Socket<Router>(context)
    try router.bind("inproc://dropping")
    #expect(try router.send(strings: "nobody", "lost") == [.sent, .sent])
  }

  @Test func aPublisherSeesSubscriptionsAndServesThem() throws {
    let publisher = try Socket<ExtendedPublish>(context)
    try publisher.bind("inproc://topics")
    let subscriber = try Socket<Subscribe>(context)
    try subscriber.connect("inproc://topics")
    try subscriber.subscribe("a")
    #expect(try publisher.nextStrings() == ["\u{1}a"])
    // Subscriptions are counted: only the first and the last of the same are told.
    try subscriber.subscribe("a")
    try Array("a".utf8).withUnsafeBytes { try subscriber.unsubscribe($0) }
    try subscriber.subscribe("c")
    #expect(try publisher.nextStrings() == ["\u{1}c"])

    for topic in ["ant", "bee", "cat"] { try publisher.send(strings: topic, "text") }
    #expect(try subscriber.nextStrings() == ["ant", "text"])
    #expect(try subscriber.nextStrings() == ["cat", "text"])

    try Array("a".utf8).withUnsafeBytes { try subscriber.unsubscribe($0) }
    #expect(try publisher.nextStrings() == ["\u{0}a"])
    for topic in ["ant", "cat"] { try publisher.send(strings: topic) }
    #expect(try subscriber.nextStrings() == ["cat"])
  }
}
