import Testing
import ZeroMQ

struct MultipartTests {
  let context: Context
  init() throws { context = try Context() }

  /// Keeps a received message where it was not received.
  private struct Shelf: ~Copyable {
    var message: Multipart
  }

  @Test func nothingThereIsNotWaitedFor() throws {
    let socket = try Socket<Dealer>(context)
    try socket.bind("inproc://quiet")
    var message = Multipart()
    let received = try socket.receive(into: &message)
    #expect(!received)
    #expect(message.partCount == 0)
  }

  /// One part more than the capacity, and many more: the true number is counted, the first are kept
  /// and the next message is whole.
  @Test(arguments: [3, 4, 5, 10_000])
  func partsBeyondTheCapacityAreCountedAndThrownAway(count: Int) throws {
    let ends = try Ends(context, "inproc://many")
    let parts = (0..<count).map { Array("part \($0)".utf8) }
    #expect(try ends.sender.send(parts: parts).allSatisfy { $0 == .sent })
    try ends.sender.send(strings: "next", "whole")

    var message = Multipart(capacity: 4)
    try ends.receiver.receiveWaiting(into: &message)
    #expect(message.partCount == count)
    for index in 0..<min(count, 4) { #expect(message.string(index) == "part \(index)") }
    try ends.receiver.receiveWaiting(into: &message)
    #expect(message.partCount == 2)
    #expect(message.string(0) == "next")
    #expect(message.string(1) == "whole")
  }

  /// libzmq keeps up to 33 bytes inside the `zmq_msg_t` itself: moving the message must not move
  /// them.
  @Test(arguments: [1, 33, 34, 100_000])
  func aPartsBytesStayWhereTheyAreWhenTheMessageMoves(count: Int) throws {
    let ends = try Ends(context, "inproc://moved")
    let sent = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try ends.sender.send(parts: [sent, sent])
    var message = Multipart()
    try ends.receiver.receiveWaiting(into: &message)
    let first = message.bytes(0)
    let second = message.bytes(1)
    let shelf = Shelf(message: message)
    #expect(shelf.message.bytes(0).baseAddress == first.baseAddress)
    #expect(Array(first) == sent)
    #expect(Array(second) == sent)
    #expect(shelf.message.partCount == 2)
  }

  /// A part's bytes outlive the socket that received them.
  @Test func aPartsBytesStayValidWithoutTheirSocket() throws {
    var message = Multipart()
    let sent = [UInt8](repeating: 9, count: 5000)
    do {
      let ends = try Ends(context, "inproc://gone")
      try ends.sender.send(parts: [sent])
      try ends.receiver.receiveWaiting(into: &message)
    }
    #expect(Array(message.bytes(0)) == sent)
  }

  @Test func aMessageIsOverwrittenByTheNext() throws {
    let ends = try Ends(context, "inproc://again")
    try ends.sender.send(strings: "one", "two", "three")
    try ends.sender.send(strings: "four")
    var message = Multipart()
    try ends.receiver.receiveWaiting(into: &message)
    #expect(message.partCount == 3)
    try ends.receiver.receiveWaiting(into: &message)
    #expect(message.partCount == 1)
    #expect(message.string(0) == "four")
    let received = try ends.receiver.receive(into: &message)
    #expect(!received)
    #expect(message.partCount == 0)
  }
}
