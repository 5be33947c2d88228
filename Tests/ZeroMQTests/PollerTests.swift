import Glibc
import Testing
import ZeroMQ

struct PollerTests {
  @Test func aTimeOutFindsNothing() throws {
    let socket = try Socket<Dealer>(try Context())
    var poller = Poller()
    poller.add(socket)
    #expect(try poller.wait(timeout: .zero) == 0)
    #expect(try poller.wait(timeout: .microseconds(1)) == 0)
    #expect(!poller.isReadable(0))
  }

  /// libzmq would wait for ever for -1, which a deadline just missed must not do.
  @Test(.timeLimit(.minutes(1))) func aTimeOutBelowZeroDoesNotWait() throws {
    let signal = try Signal()
    var poller = Poller()
    poller.add(signal)
    for timeout in [Duration.nanoseconds(-1), .milliseconds(-1), .seconds(-5), .seconds(Int64.min)]
    {
      #expect(try poller.wait(timeout: timeout) == 0)
    }
    #expect(!signal.isRaised)
  }

  @Test func aTimeOutBeyondEveryClockIsCutNotTrapped() throws {
    let signal = try Signal()
    signal.raise()
    var poller = Poller()
    poller.add(signal)
    #expect(try poller.wait(timeout: .seconds(Int64.max)) == 1)
  }

  @Test func onlyWhatIsReadableIsSaidToBe() throws {
    let context = try Context()
    let first = try Ends(context, "inproc://first")
    let second = try Ends(context, "inproc://second")
    let signal = try Signal()
    let pipe = try Pipe()
    var poller = Poller()
    let indexes = [
      poller.add(first.receiver), poller.add(signal), poller.add(descriptor: pipe.readEnd),
      poller.add(second.receiver),
    ]
    #expect(indexes == [0, 1, 2, 3])
    func readable() throws -> [Bool] {
      let count = try poller.wait(timeout: .zero)
      let flags = indexes.map(poller.isReadable)
      #expect(count == flags.count { $0 })
      return flags
    }

    #expect(try readable() == [false, false, false, false])
    try second.sender.send(strings: "a")
    #expect(try readable() == [false, false, false, true])
    pipe.write(1)
    #expect(try readable() == [false, false, true, true])
    #expect(try second.receiver.nextStrings() == ["a"])
    #expect(try readable() == [false, false, true, false])
    signal.raise()
    #expect(try readable() == [false, true, true, false])
    #expect(pipe.read() == 1)
    try first.sender.send(strings: "b")
    #expect(try readable() == [true, true, false, false])
  }

  /// Sending takes note of what has come, and its socket's descriptor then tells of it no more.
  @Test func whatCameWhileItsReceiverWasSendingIsFound() throws {
    let ends = try Ends(try Context(), "inproc://both-ways")
    var poller = Poller()
    poller.add(ends.receiver)
    var message = Multipart()
    #expect(try !ends.receiver.receive(into: &message))
    try ends.sender.send(strings: "a")
    // libzmq looks for news as it sends, but once in a millisecond at most.
    let end = ContinuousClock.now + .milliseconds(5)
    while ContinuousClock.now < end { try ends.receiver.send(strings: "b") }
    #expect(try poller.wait(timeout: .zero) == 1)
    #expect(try ends.receiver.nextStrings() == ["a"])
    #expect(try poller.wait(timeout: .zero) == 0)
    try ends.sender.send(strings: "c")
    #expect(try poller.wait(timeout: patience) == 1)
  }

  @Test func onlyTheFirstItemsAreLookedAtWhenSoAsked() throws {
    let context = try Context()
    let first = try Ends(context, "inproc://first")
    let second = try Ends(context, "inproc://second")
    var poller = Poller()
    poller.add(first.receiver)
    poller.add(second.receiver)
    try second.sender.send(strings: "a")
    #expect(try poller.wait(timeout: .zero, first: 1) == 0)
    #expect(!poller.isReadable(1))
    #expect(try poller.wait(timeout: .zero) == 1)
    #expect(poller.isReadable(1))
    #expect(try poller.wait(timeout: .zero, first: 1) == 0)
    try first.sender.send(strings: "b")
    #expect(try poller.wait(timeout: .zero, first: 1) == 1)
    #expect(poller.isReadable(0) && !poller.isReadable(1))
  }

  @Test func aClosedPipeIsReadable() throws {
    let pipe = try Pipe()
    var poller = Poller()
    poller.add(descriptor: pipe.readEnd)
    #expect(try poller.wait(timeout: .zero) == 0)
    pipe.closeWriteEnd()
    #expect(try poller.wait(timeout: patience) == 1)
    #expect(poller.isReadable(0))
  }

  @Test func aSignalStaysRaised() throws {
    let signal = try Signal()
    #expect(!signal.isRaised)
    for _ in 0..<3 { signal.raise() }
    var poller = Poller()
    poller.add(signal)
    for _ in 0..<3 {
      #expect(try poller.wait(timeout: .zero) == 1)
      #expect(signal.isRaised)
    }
  }

  /// A pipe(2).
  private final class Pipe {
    let readEnd: Int32
    private var writeEnd: Int32

    init() throws {
      var ends: [Int32] = [-1, -1]
      try #require(pipe(&ends) == 0)
      (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
      close(readEnd)
      closeWriteEnd()
    }

    func closeWriteEnd() {
      if writeEnd >= 0 { close(writeEnd) }
      writeEnd = -1
    }

    func write(_ byte: UInt8) {
      var byte = byte
      #expect(Glibc.write(writeEnd, &byte, 1) == 1)
    }

    func read() -> UInt8 {
      var byte: UInt8 = 0
      #expect(Glibc.read(readEnd, &byte, 1) == 1)
      return byte
    }
  }
}
