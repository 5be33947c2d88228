/// How much of a processor publishing may take, so that nothing that is served waits for it.
///
/// The least is `Limits.publishingShare`. Where more is wanted and the kernel lets the thread of low
/// priority run soon after it wants to, processors are idle, and the share grows to a whole one; where it
/// spends its time waiting, somebody else has work, and the share shrinks again. No clock, no thread.
struct PublishingBudget {
  private let least: Double
  /// Of one processor.
  private(set) var share: Double
  /// Nanoseconds that may be used now; below zero when the last message took longer.
  private var left: Double = 0
  private var refilledNanoseconds: UInt64?
  /// Whether it was used up since the share was looked at.
  private var wasSpent = false

  /// What is saved up while there is little to publish: so much time at the share.
  private static let savedNanoseconds = 10_000_000.0
  /// How long the thread waits to run, in parts of its running time: where processors are idle most of
  /// the time, and where others want them.
  ///
  /// In parts of all time would not tell: the kernel lets a thread that runs little run soon, also where
  /// nothing is idle.
  private static let (idleWait, busyWait) = (0.25, 0.5)

  init(least: Double = Limits.publishingShare) { (self.least, share) = (least, least) }

  /// Adds what has become free up to a time.
  mutating func refill(at nanoseconds: UInt64) {
    let passed = Double(nanoseconds - min(refilledNanoseconds ?? nanoseconds, nanoseconds))
    refilledNanoseconds = nanoseconds
    left = min(left + passed * share, share * PublishingBudget.savedNanoseconds)
  }

  /// Takes note of time that the thread has used for so many subscribers.
  ///
  /// What it causes is more: libzmq's thread sends to each of them, and they may be on this machine. Each
  /// costs about as much as the thread itself.
  mutating func spend(nanoseconds: UInt64, subscribers: Int) {
    left -= Double(nanoseconds) * Double(1 + subscribers)
    if isSpent { wasSpent = true }
  }

  var isSpent: Bool { left <= 0 }

  /// Looks at how the thread fared since the last look: how long it ran, and waited to run, in
  /// nanoseconds.
  mutating func adapt(ran: UInt64, waited: UInt64) {
    let wait = Double(waited) / Double(max(ran, 1))
    if wait > PublishingBudget.busyWait {
      share = max(share / 2, least)
    } else if wasSpent, wait < PublishingBudget.idleWait {
      share = min(share * 1.5, 1)
    }
    wasSpent = false
  }
}
