import Testing
import ZeroMQ

@testable import Millrace

@Suite(.timeLimit(.minutes(1)))
struct LinkSenderTests {
  /// A stage that has ended must not hold up its neighbour's end.
  @Test func behindAStageThatHasEndedSendingFailsAndNeverWaits() throws {
    let context = try Context()
    let endpoint = "inproc://ended"
    var receiver: Socket<Router>? = try Socket<Router>(context)
    try receiver?.bind(endpoint)
    let sender = try LinkSender(context: context, clock: .monotonic, endpoint: endpoint)
    try sender.sendHello()
    receiver = nil
    let error = #expect(throws: ZeroMQError.self) {
      // libzmq learns of the end a moment later; the suite's limit bounds it.
      while true { try sender.sendHello() }
    }
    #expect(error == .noPeer(at: endpoint))
  }
}
