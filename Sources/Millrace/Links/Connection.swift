import DequeModule
import Glibc
import Wire

/// Input of a stream below `number` is as durable as the pipeline promises.
struct Acknowledgement {
  let stream: StreamID
  let number: UInt64
  /// Tells the stream's lives apart.
  let epoch: UInt64
}

/// One peer of a link's receiving side, and how much it may send.
///
/// Owned by one stage's thread.
final class Connection {
  /// Units are steps, or bytes for text.
  let window: UInt64
  let routingID: [UInt8]

  /// The form of its last message; replies take the same.
  var isFriendly = false
  /// Units received since its welcome, refused ones included.
  private(set) var received: UInt64 = 0
  /// Units accepted and not covered yet.
  private(set) var outstanding: UInt64 = 0
  /// The credit that it was told last.
  private(set) var announced: UInt64
  var lastHeardMilliseconds: UInt64
  /// Pings since it was heard last.
  var pingsUnanswered = 0
  /// Welcomes that wait for a commit, and the pongs that must not overtake them.
  var welcomesDue = 0
  var pongsDue: [[UInt8]] = []
  /// Messages that libzmq would not take yet, oldest first.
  private(set) var waiting: Deque<OutgoingMessage> = []
  /// Bytes of those that no credit bounds: refusals, repeated answers, bare ends.
  private(set) var uncreditedBytes = 0
  /// Whether it was told that it has to read before it is heard again.
  var isToldToRead = false
  var isGone = false
  /// The number of its last hello.
  var hello: UInt64 = 0
  /// Whether it said hello.
  var isGreeted = false
  /// Whether it was told that it has to, on a link that needs it.
  var isToldToGreet = false
  /// Streams with accepted input that is still to be acknowledged.
  var unacknowledged: [StreamID: Acknowledgement] = [:]
  /// Since when there are any.
  var unacknowledgedSince: UInt64 = 0

  init(routingID: [UInt8], window: UInt64, milliseconds: UInt64) {
    self.routingID = routingID
    self.window = window
    announced = window
    lastHeardMilliseconds = milliseconds
  }

  func hasRoutingID(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count == routingID.count, let start = bytes.baseAddress else { return false }
    return memcmp(start, routingID, bytes.count) == 0
  }

  /// The total that it may have sent: all it did send, and what the window still has room for.
  var credit: UInt64 { received + (window > outstanding ? window - outstanding : 0) }

  /// Counts a message in; false when it goes beyond the announced credit.
  func receive(units: UInt64) -> Bool {
    received += units
    return received <= announced
  }

  func hold(units: UInt64) { outstanding += units }

  func release(units: UInt64) { outstanding -= min(units, outstanding) }

  func append(waiting message: OutgoingMessage) {
    waiting.append(message)
    if !message.isCredited { uncreditedBytes += message.byteCount }
  }

  func removeFirstWaiting() {
    let message = waiting.removeFirst()
    if !message.isCredited { uncreditedBytes -= message.byteCount }
    if waiting.isEmpty { isToldToRead = false }
  }

  func removeAllWaiting() {
    waiting.removeAll()
    uncreditedBytes = 0
  }

  /// Starts counting anew, as a welcome says.
  func welcome() {
    received = 0
    announced = credit
  }

  /// The credit to tell now; nil when it has not grown by a quarter of the window, unless all is
  /// covered and the peer can be told to be idle with a full one.
  func creditToAnnounce() -> UInt64? {
    let credit = credit
    guard credit > announced else { return nil }
    guard credit - announced >= window / 4 || outstanding == 0 else { return nil }
    return credit
  }

  func announce(_ credit: UInt64) { announced = max(announced, credit) }
}
