/// One option of a layer that can be out of its range: what `Model` checks.
struct LayerOption {
  let name: String
  let expected: String
  let received: String
  let isSound: Bool

  /// A count that must be at least 1.
  static func count(_ name: String, _ value: Int) -> LayerOption {
    LayerOption(name: name, expected: "at least 1", received: "\(value)", isSound: value >= 1)
  }

  /// A small number added before a division: finite and not negative.
  static func epsilon(_ value: Float) -> LayerOption {
    LayerOption(
      name: "epsilon", expected: "a finite number that is not negative", received: "\(value)",
      isSound: value.isFinite && value >= 0)
  }
}
