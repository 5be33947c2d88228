/// Where one stream's input stands, and what may come next: the order of checks of
/// `Docs/protocol.md` as a state machine without clock or socket.
///
/// `admit` only decides. The caller then reports what it did: `advance` once numbers are used up,
/// `close` behind an applied END.
package struct StreamSequence: Equatable, Sendable {
  /// What the caller is to do with a message.
  package enum Admission: Equatable, Sendable {
    /// Apply the elements behind the first `skip`; `begins` a new life with zero state first.
    case apply(skip: Int, begins: Bool, resets: Bool)
    /// All of it has been applied: acknowledge and send its cached answers again.
    case duplicate
    /// The stream ended with this very message: acknowledge.
    case endAgain
    /// Answer with the refusal; the stream is unchanged.
    case refuse(RefusalCode, expected: UInt64)
    /// Say nothing: a gap was refused a moment ago and this message is behind it.
    case passOver
  }

  package enum Phase: Equatable, Sendable {
    case unknown
    case open
    case closed
  }

  /// How long messages behind a refused gap are passed over.
  package static let gapSilenceMilliseconds: UInt32 = 1000

  package private(set) var phase = Phase.unknown
  /// Whether a RESET acted and nothing has been applied behind it.
  private var isReset = false
  /// The low bits of a clock's milliseconds, 0 for never: an idle stream keeps this, so that it is small.
  private var gapRefusedAtMilliseconds: UInt32 = 0
  /// The next input number.
  package private(set) var expected: UInt64 = 0
  package private(set) var epoch: UInt64 = 0

  package init() {}

  /// A stream that was stored: `open` or `closed`, as it stood.
  package init(restoring phase: Phase, expected: UInt64, epoch: UInt64) {
    self.phase = phase
    self.expected = expected
    self.epoch = epoch
  }

  /// Decides on a data message.
  ///
  /// `count` is in the units of `number`; `milliseconds` is a monotonic clock's reading.
  package mutating func admit(
    number: UInt64, count: UInt64, epoch messageEpoch: UInt64, flags: MessageFlags,
    milliseconds: UInt64
  ) -> Admission {
    let (end, overflow) = number.addingReportingOverflow(count)
    guard !overflow else { return .refuse(.badHeader, expected: expected) }
    if phase == .unknown { return admitFirst(number: number, epoch: messageEpoch, flags: flags) }
    if messageEpoch < epoch { return .refuse(.fenced, expected: expected) }
    if messageEpoch > epoch, flags.contains(.start) {
      return begin(number: number, epoch: messageEpoch)
    }
    if phase == .closed {
      // From number 0, only the same producer's is the same: another one's is a life as long.
      if flags.contains(.end), end == expected, number > 0 || messageEpoch == epoch {
        return .endAgain
      }
      if flags.contains(.start) || number == 0 {
        return begin(number: number, epoch: messageEpoch)
      }
      return .refuse(.closed, expected: expected)
    }
    if flags.contains(.peek) {
      return number == expected
        ? .apply(skip: 0, begins: false, resets: false) : .refuse(.gap, expected: expected)
    }
    if number < expected && end <= expected && !(flags.contains(.end) && end == expected) {
      return .duplicate
    }
    if flags.contains(.start), number >= expected {
      return .refuse(.alreadyOpen, expected: expected)
    }
    if number > expected { return admitGap(milliseconds: milliseconds) }
    gapRefusedAtMilliseconds = 0
    // Who sends what is applied next has taken the stream over.
    epoch = messageEpoch
    // A RESET acted already when part of its message was applied, or when it is sent twice bare.
    let resets = flags.contains(.reset) && number == expected && !isReset
    if resets { isReset = true }
    return .apply(skip: Int(expected - number), begins: false, resets: resets)
  }

  private mutating func admitFirst(
    number: UInt64, epoch messageEpoch: UInt64, flags: MessageFlags
  ) -> Admission {
    guard number == 0 || flags.contains(.start) else { return .refuse(.noStart, expected: 0) }
    return begin(number: number, epoch: messageEpoch)
  }

  private mutating func begin(number: UInt64, epoch messageEpoch: UInt64) -> Admission {
    self = StreamSequence()
    phase = .open
    epoch = messageEpoch
    expected = number
    return .apply(skip: 0, begins: true, resets: false)
  }

  private mutating func admitGap(milliseconds: UInt64) -> Admission {
    let refused = gapRefusedAtMilliseconds
    let now = UInt32(truncatingIfNeeded: milliseconds)
    if refused > 0, now &- refused < StreamSequence.gapSilenceMilliseconds { return .passOver }
    gapRefusedAtMilliseconds = max(now, 1)
    return .refuse(.gap, expected: expected)
  }

  /// Numbers below `number` are used up: applied, or refused for good.
  package mutating func advance(to number: UInt64) {
    guard number > expected else { return }
    expected = number
    isReset = false
  }

  /// An END was applied; `expected` stays as the number behind the last element.
  package mutating func close() { phase = .closed }
}
