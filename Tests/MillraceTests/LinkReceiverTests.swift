import Testing
import Wire
import ZeroMQ

@testable import Millrace

@Suite(.timeLimit(.minutes(1)))
struct LinkReceiverTests {
  /// What waits for more of its stream goes once all is covered, and says the last number alone.
  @Test func oneAcknowledgementStandsForAllThatCameOfAStream() throws {
    let context = try Context()
    let receiver = try LinkReceiver(
      context: context, clock: .monotonic, endpoint: "inproc://acknowledgements", window: 100,
      isAcknowledging: true, queueMessages: 0, use: .ingress, guarding: EndpointGuard())
    let client = try Socket<Dealer>(context)
    try client.connect("inproc://acknowledgements")
    for (name, number) in [("a", 0), ("b", 0), ("a", 1), ("a", 2)] {
      var header = Header(kind: .data)
      header.elementType = .int32
      header.count = 1
      header.width = 1
      header.number = UInt64(number)
      for part in [Array(name.utf8), header.bytes, [7, 0, 0, 0]] {
        _ = try part.withUnsafeBytes { try client.send($0, more: part.count != 4) }
      }
    }
    var poller = Poller()
    poller.add(receiver.socket)
    var sender: Connection?
    var count = 0
    while count < 4 {
      _ = try poller.wait(timeout: .seconds(60))
      count += try receiver.receive(limit: 64) { message, connection in
        sender = connection
        #expect(connection.receive(units: 1))
        connection.hold(units: 1)
        let stream = try #require(message.stream)
        receiver.acknowledge(
          Acknowledgement(stream: stream, number: message.header.end, epoch: 0), to: connection)
      }
    }
    #expect(receiver.isFlushDue)
    sender?.release(units: 4)
    receiver.flush()
    #expect(!receiver.isFlushDue)

    var told: [String: UInt64] = [:]
    var message = Multipart()
    while told.count < 2, try client.receive(into: &message) {
      let header = try Header(bytes: message.bytes(1))
      #expect(header.kind == .acknowledge)
      #expect(try Credit(payload: message.bytes(2)).total == 104)
      #expect(told.updateValue(header.number, forKey: message.string(0)) == nil)
    }
    #expect(told == ["a": 3, "b": 1])
    #expect(try !client.receive(into: &message))
  }
}
