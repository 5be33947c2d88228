import Testing

@testable import Millrace

/// How much of a processor publishing takes.
struct PublishingBudgetTests {
  /// Publishes as much as may be for a while, a microsecond a message; the part of the time that it took.
  ///
  /// `waiting` is how long the thread waits for a processor, in parts of its running time.
  private func run(
    _ budget: inout PublishingBudget, milliseconds: Int, from begin: UInt64, waiting: Double
  ) -> Double {
    var whole: UInt64 = 0
    var ran: UInt64 = 0
    for millisecond in 0..<milliseconds {
      budget.refill(at: begin + UInt64(millisecond) * 1_000_000)
      var now: UInt64 = 0
      while !budget.isSpent, now < 1_000_000 {
        budget.spend(nanoseconds: 1000, subscribers: 0)
        now += 1000
      }
      (whole, ran) = (whole + now, ran + now)
      if millisecond % 20 == 19 {
        budget.adapt(ran: ran, waited: UInt64(Double(ran) * waiting))
        ran = 0
      }
    }
    return Double(whole) / Double(milliseconds * 1_000_000)
  }

  @Test func whereOthersWantTheProcessorItTakesTheLeastShare() {
    var budget = PublishingBudget(least: 0.05)
    let part = run(&budget, milliseconds: 10_000, from: 1, waiting: 0.9)
    #expect((0.049...0.051).contains(part), "\(part)")
    #expect(budget.share == 0.05)
  }

  @Test func whereProcessorsAreIdleNowAndThenItTakesWhatItNeedsAndGivesItBack() {
    var budget = PublishingBudget(least: 0.05)
    _ = run(&budget, milliseconds: 1_000, from: 1, waiting: 0.1)
    #expect(budget.share == 1)
    let alone = run(&budget, milliseconds: 1_000, from: 1_000_000_000, waiting: 0.1)
    #expect(alone > 0.99, "\(alone)")
    _ = run(&budget, milliseconds: 1_000, from: 2_000_000_000, waiting: 0.4)
    #expect(budget.share == 1)
    let beside = run(&budget, milliseconds: 1_000, from: 3_000_000_000, waiting: 0.8)
    #expect(budget.share == 0.05)
    #expect(beside < 0.15, "\(beside)")
  }

  @Test func whatIsNotUsedIsNotSavedUpForLong() {
    var budget = PublishingBudget(least: 0.05)
    budget.refill(at: 1)
    budget.refill(at: 60_000_000_001)
    var nanoseconds: UInt64 = 0
    while !budget.isSpent {
      budget.spend(nanoseconds: 1000, subscribers: 0)
      nanoseconds += 1000
    }
    #expect(nanoseconds == 500_000)
    budget.refill(at: 120_000_000_001)
    // Twenty subscribers: twenty times as much again.
    budget.spend(nanoseconds: 25_000, subscribers: 20)
    #expect(budget.isSpent)
    budget.adapt(ran: 1000, waited: 1000)
    // Little to publish is no reason for a larger share.
    for _ in 0..<100 { budget.adapt(ran: 1000, waited: 0) }
    #expect(budget.share <= 0.075)
  }
}
