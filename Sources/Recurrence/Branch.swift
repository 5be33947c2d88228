/// What makes a list of layers a graph: a row is kept, taken again, or joined with other kept rows.
///
/// Each batch has memory for a row in every slot, beside the rows that pass from layer to layer;
/// with a row it keeps whether its step is masked. Keras' `Add`, `Multiply`, `Concatenate` and their
/// like are joins.
package struct Branch: Sendable {
  /// How kept rows become one; of two or more, from the first to the last.
  package enum Join: String, Sendable, Equatable, Codable {
    /// `(a + b) + c`.
    case add
    /// `a - b`, of two.
    case subtract
    /// `(a * b) * c`.
    case multiply
    /// `((a + b) + c) / 3`.
    case average
    case maximum
    case minimum
    /// One behind the other.
    case concatenate
  }

  package enum Kind: Sendable, Equatable, Codable {
    /// Copies the row to a slot, and passes it on.
    case keep(slot: Int)
    /// Passes on the row of a slot instead of the present one.
    case recall(slot: Int)
    /// Passes on what the rows of the slots make together.
    case join(Join, slots: [Int])
  }

  package let name: String
  package let kind: Kind

  package init(name: String, kind: Kind) {
    self.name = name
    self.kind = kind
  }

  /// The Keras class name, where there is one.
  var kindName: String {
    switch kind {
    case .keep: "Keep"
    case .recall: "Recall"
    case .join(let join, _):
      switch join {
      case .add: "Add"
      case .subtract: "Subtract"
      case .multiply: "Multiply"
      case .average: "Average"
      case .maximum: "Maximum"
      case .minimum: "Minimum"
      case .concatenate: "Concatenate"
      }
    }
  }

  var isJoin: Bool {
    if case .join = kind { true } else { false }
  }

  /// The slots that are read.
  var slotsRead: [Int] {
    switch kind {
    case .keep: []
    case .recall(let slot): [slot]
    case .join(_, let slots): slots
    }
  }

  /// How many slots a model needs for this.
  var slotCount: Int {
    switch kind {
    case .keep(let slot), .recall(let slot): slot + 1
    case .join(_, let slots): (slots.max() ?? -1) + 1
    }
  }

  var options: [LayerOption] {
    switch kind {
    case .keep(let slot), .recall(let slot):
      [
        LayerOption(
          name: "slot", expected: "0 to 999", received: "\(slot)",
          isSound: (0..<1000).contains(slot))
      ]
    case .join(let join, let slots):
      [
        LayerOption(
          name: "inputs", expected: join == .subtract ? "two" : "at least one",
          received: "\(slots.count)",
          isSound: (join == .subtract ? slots.count == 2 : !slots.isEmpty)
            && slots.allSatisfy((0..<1000).contains))
      ]
    }
  }

  /// Takes one more row into what a join has so far; `concatenate` is not one of these.
  static func combine(
    _ join: Join, _ row: UnsafePointer<Float>, into total: UnsafeMutablePointer<Float>, width: Int
  ) {
    for i in 0..<width {
      switch join {
      case .add, .average: total[i] += row[i]
      case .subtract: total[i] -= row[i]
      case .multiply: total[i] *= row[i]
      case .maximum: total[i] = Arithmetic.greater(total[i], row[i])
      case .minimum: total[i] = Arithmetic.lesser(total[i], row[i])
      case .concatenate: return
      }
    }
  }
}
