import Recurrence

/// Layers and how their rows flow, as a graph with one input; it becomes the list that a `Model` runs.
///
/// Nodes are added in an order in which each stands behind what it reads. Only what leads to the
/// output is kept.
struct LayerGraph {
  /// A row somewhere in the graph: the input, or what a node gives.
  typealias Value = Int

  private enum Work {
    case input
    case layer(Layer)
    case join(Branch.Join, name: String)
  }

  private struct Node {
    var work: Work
    var inputs: [Value]
  }

  private var nodes = [Node(work: .input, inputs: [])]

  /// The row that comes in.
  static let input: Value = 0

  mutating func add(_ layer: Layer, to value: Value) -> Value {
    nodes.append(Node(work: .layer(layer), inputs: [value]))
    return nodes.count - 1
  }

  mutating func join(_ join: Branch.Join, _ values: [Value], name: String) -> Value {
    nodes.append(Node(work: .join(join, name: name), inputs: values))
    return nodes.count - 1
  }

  /// The layer that gives a value; nil for the input and for joins.
  func layer(of value: Value) -> Layer? {
    guard case .layer(let layer) = nodes[value].work else { return nil }
    return layer
  }

  /// What a layer reads; nil for the input and for joins.
  func input(of value: Value) -> Value? {
    guard case .layer = nodes[value].work else { return nil }
    return nodes[value].inputs.first
  }

  /// The layers that lead to `output`, in order, with kept and joined rows where paths part and meet.
  func layers(to output: Value) -> [Layer] {
    let needed = needed(for: output)
    var uses = [Int](repeating: 0, count: nodes.count)
    for value in needed { nodes[value].inputs.forEach { uses[$0] += 1 } }
    var slots: [Value: Int] = [:]
    var layers: [Layer] = []
    var present = Self.input

    func keep(_ value: Value, for next: Value?) {
      // A row that only the next layer reads is passed on; a join reads slots alone.
      let passes =
        next.map { next in
          if case .join = nodes[next].work { return false }
          return uses[value] == 1 && nodes[next].inputs == [value]
        } ?? true
      guard !passes, uses[value] > 0 else { return }
      slots[value] = slots.count
      layers.append(
        .branch(Branch(name: "slot \(slots.count - 1)", kind: .keep(slot: slots.count - 1))))
    }

    for (position, value) in needed.enumerated() {
      let node = nodes[value]
      switch node.work {
      case .input: break
      case .layer(let layer):
        if node.inputs != [present], let slot = slots[node.inputs[0]] {
          layers.append(.branch(Branch(name: "slot \(slot)", kind: .recall(slot: slot))))
        }
        layers.append(layer)
      case .join(let join, let name):
        layers.append(
          .branch(
            Branch(name: name, kind: .join(join, slots: node.inputs.compactMap { slots[$0] }))))
      }
      present = value
      keep(value, for: position + 1 < needed.count ? needed[position + 1] : nil)
    }
    return layers + lastAnswer(layers)
  }

  /// What repeats the answer at steps without one, if some layer leaves out steps.
  private func lastAnswer(_ layers: [Layer]) -> [Layer] {
    var leavesOut = false
    var masks = false
    for layer in layers {
      switch layer {
      case .stepSelection: leavesOut = true
      case .masking: masks = true
      case .embedding(let embedding): masks = embedding.maskZero
      // A mean of steps that are all masked.
      case .globalPooling1D(let pooling): leavesOut = leavesOut || masks && pooling.kind == .average
      default: break
      }
    }
    return leavesOut ? [.lastAnswer(LastAnswer(name: "last answer"))] : []
  }

  private func needed(for output: Value) -> [Value] {
    var isNeeded = [Bool](repeating: false, count: nodes.count)
    isNeeded[output] = true
    for value in nodes.indices.reversed() where isNeeded[value] {
      nodes[value].inputs.forEach { isNeeded[$0] = true }
    }
    return nodes.indices.filter { isNeeded[$0] }
  }
}
