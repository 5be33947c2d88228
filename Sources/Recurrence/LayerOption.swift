/// One option of a layer that can be out of its range: what `Model` checks.
struct LayerOption {
  let name: String
  let expected: String
  let received: String
  let isSound: Bool

  /// A count of weights' rows or columns: at least 1, and no more than a file can hold.
  static func count(_ name: String, _ value: Int) -> LayerOption { size(name, value, 1 << 30) }

  /// A number of steps that no weights stand behind, so that a small file could ask for a state
  /// beyond all memory.
  static func steps(_ name: String, _ value: Int) -> LayerOption { size(name, value, 1 << 16) }

  /// Values of a row that no weights stand behind.
  static func width(_ name: String, _ value: Int) -> LayerOption { size(name, value, 1 << 24) }

  private static func size(_ name: String, _ value: Int, _ most: Int) -> LayerOption {
    LayerOption(
      name: name, expected: value < 1 ? "at least 1" : "at most \(most)", received: "\(value)",
      isSound: (1...most).contains(value))
  }

  /// A small number added before a division: finite and not negative.
  static func epsilon(_ value: Float) -> LayerOption {
    LayerOption(
      name: "epsilon", expected: "a finite number that is not negative", received: "\(value)",
      isSound: value.isFinite && value >= 0)
  }
}
