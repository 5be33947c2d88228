import Foundation
import Synchronization
import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(1)))
struct ContextTests {
  @Test func itEndsAfterItsLastSocket() throws {
    weak var context: Context?
    do {
      let first: Socket<Dealer>
      do {
        let made = try Context()
        context = made
        first = try Socket(made)
      }
      #expect(context != nil)
      try first.bind("inproc://still-here")
    }
    #expect(context == nil)
  }

  /// Nobody is there to take the message, and no linger is set to wait for one.
  @Test func withoutLingerItEndsThoughMessagesAreUnsent() throws {
    weak var context: Context?
    do {
      let absent: String
      do {
        let socket = try Socket<Dealer>(try Context())
        try socket.bind("tcp://127.0.0.1:*")
        absent = try socket.lastEndpoint
      }
      let made = try Context()
      context = made
      let sender = try Socket<Dealer>(made)
      try sender.setLinger(.zero)
      try sender.connect(absent)
      #expect(try sender.send(strings: "never arrives") == [.sent])
    }
    #expect(context == nil)
  }

  @Test func withLingerWhatWasSentArrivesAfterItsSocketHasGone() throws {
    let receiver = try Socket<Dealer>(try Context())
    try receiver.bind("tcp://127.0.0.1:*")
    do {
      let sender = try Socket<Dealer>(try Context())
      try sender.setLinger(nil)
      try sender.connect(try receiver.lastEndpoint)
      for number in 0..<100 { try sender.send(strings: "\(number)") }
    }
    for number in 0..<100 { #expect(try receiver.nextStrings() == ["\(number)"]) }
  }

  @Test func shutdownEndsEveryCall() throws {
    let context = try Context()
    let socket = try Socket<Dealer>(context)
    try socket.bind("inproc://down")
    context.shutdown()
    var message = Multipart()
    let received = #expect(throws: ZeroMQError.self) { _ = try socket.receive(into: &message) }
    #expect(received?.isContextTerminated == true)
    #expect(received?.description == "zmq_msg_recv: Context was terminated (156384765)")
    let sent = #expect(throws: ZeroMQError.self) { try socket.send(strings: "a") }
    #expect(sent?.isContextTerminated == true)
    let made = #expect(throws: ZeroMQError.self) { _ = try Socket<Dealer>(context) }
    #expect(made?.isContextTerminated == true)
  }

  @Test func shutdownWakesAThreadThatWaits() throws {
    let context = try Context()
    let isReady = try Signal()
    let isOver = try Signal()
    let failure = Failure()
    let thread = Thread {
      do {
        let socket = try Socket<Dealer>(context)
        var poller = Poller()
        poller.add(socket)
        isReady.raise()
        _ = try poller.wait(timeout: nil)
      } catch {
        failure.error.withLock { $0 = error as? ZeroMQError }
      }
      isOver.raise()
    }
    thread.start()
    try wait(for: isReady)
    context.shutdown()
    try wait(for: isOver)
    #expect(failure.error.withLock { $0 }?.isContextTerminated == true)
  }

  private func wait(for signal: Signal) throws {
    var poller = Poller()
    poller.add(signal)
    try #require(try poller.wait(timeout: patience) == 1)
  }

  private final class Failure: Sendable {
    let error = Mutex<ZeroMQError?>(nil)
  }
}
