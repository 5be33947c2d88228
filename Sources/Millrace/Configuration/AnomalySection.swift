/// `anomaly`: how unlikely each value is beside the forecast that the answer before it gave.
package struct AnomalySection: Sendable, Equatable {
  /// Which value of a step, and which value of an answer, are compared.
  package var input = 0
  package var output = 0
  /// Errors that a normal distribution is fitted to.
  package var window = 1000
  /// Errors whose mean is judged.
  package var recent = 1
  /// The score is 0 for so many errors.
  package var warmUp = 100

  static let keys = ["input", "output", "window", "recent", "warm-up"]

  init(_ section: YAMLSection) throws(ConfigurationError) {
    input = try section.integer("input", in: 0...1_000_000) ?? 0
    output = try section.integer("output", in: 0...1_000_000) ?? 0
    window = try section.integer("window", in: 10...Limits.anomalyWindow) ?? 1000
    recent = try section.integer("recent", in: 1...Limits.anomalyWindow) ?? 1
    warmUp = try section.integer("warm-up", in: 2...Limits.anomalyWindow) ?? min(100, window)
    guard recent <= window else {
      throw section.error("recent", "is \(recent), expected at most \"window\", \(window)")
    }
    guard warmUp <= window else {
      throw section.error("warm-up", "is \(warmUp), expected at most \"window\", \(window)")
    }
  }
}
