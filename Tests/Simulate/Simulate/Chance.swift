import Recurrence

/// Choices that a seed makes.
struct Chance {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func number() -> UInt64 { random.next() }

  /// A number of the range.
  mutating func draw(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(random.next() % UInt64(range.count))
  }

  /// Whether something happens that happens once in so many times.
  mutating func once(in times: Int) -> Bool { random.next() % UInt64(times) == 0 }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[draw(0...elements.count - 1)]
  }

  /// Picks one by its weight.
  mutating func pick<Element>(weighted choices: [(Int, Element)]) -> Element {
    var place = draw(0...choices.reduce(0) { $0 + $1.0 } - 1)
    for (weight, element) in choices {
      if place < weight { return element }
      place -= weight
    }
    preconditionFailure("a place below the sum of all weights")
  }

  /// From -limit to limit.
  mutating func float(limit: Float) -> Float { Float(random.unit() * 2 - 1) * limit }
}
