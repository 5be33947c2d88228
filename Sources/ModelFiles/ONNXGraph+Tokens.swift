// TensorFlow counts a negative token id from the end: its exporter writes
// `(ids < 0) * (ids + vocabulary) + not(ids < 0) * ids`, which is `ids` for all that are none.
extension ONNXGraph {
  /// Reads an operator of that sum; false if it is none.
  mutating func readWrapping(_ node: ONNXNode) throws(ModelFileError) -> Bool {
    guard Self.wrappingKinds.contains(node.kind) else { return false }
    let inputs = node.inputs.map { values[$0] }
    switch (node.kind, inputs.first ?? nil, inputs.count > 1 ? inputs[1] : nil) {
    case ("Cast", .flag(let flag), _):
      set(.flag(flag), of: node)
    case ("Cast", .rows(let rows), _) where rows.isTokens:
      guard [1, 6, 7].contains(try node.integer("to", default: 0)) else { return false }
      set(.rows(rows), of: node)
    case ("Not", .flag(let flag), _):
      set(.flag(!flag), of: node)
    case ("Less", .rows(let rows), .constant(let bound)) where rows.isTokens && isZero(bound):
      set(.flag(false), of: node)
    case ("Less", .constant(let none), .constant(let bound)) where isZero(none) && isSteps(bound):
      // There is a step: a loop over the steps begins.
      set(.flag(true), of: node)
    case ("And", .flag(let first), .flag(let second)):
      set(.flag(first && second), of: node)
    case ("Add", .rows(let rows), .constant) where rows.isTokens:
      set(.refused("token ids that were added to"), of: node)
    case ("Mul", .rows(let rows), .flag(true)), ("Mul", .flag(true), .rows(let rows)):
      set(.rows(rows), of: node)
    case ("Mul", .flag(false), _), ("Mul", _, .flag(false)):
      set(.flag(false), of: node)
    case ("Add", .flag(false), .rows(let rows)), ("Add", .rows(let rows), .flag(false)):
      set(.rows(rows), of: node)
    case ("Where", .flag(let flag), let whole):
      guard let chosen = flag ? whole : inputs.last ?? nil else { return false }
      set(chosen, of: node)
    default: return false
    }
    return true
  }

  private static let wrappingKinds: Set<String> = [
    "Add", "And", "Cast", "Less", "Mul", "Not", "Where",
  ]

  /// Whether it is the number of steps.
  func isSteps(_ constant: ONNXConstant) -> Bool {
    guard let list = constant.integers, list.count == 1 else { return false }
    return list[0] == .steps || (list[0].size != nil && list[0].size == stepCount)
  }

  private func isZero(_ constant: ONNXConstant) -> Bool {
    constant.isZero || constant.knownIntegers?.allSatisfy { $0 == 0 } == true
  }
}
