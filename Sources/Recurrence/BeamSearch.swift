/// Beam search: the likeliest answers of a model that is fed its own, `width` of them side by side.
///
/// Each step every live hypothesis is continued by every token; of all continuations the `width` with
/// the largest sum of ln p stay, those that end with `until` apart from the others. It is over when
/// none is live or `steps` tokens are drawn; the best is the one with the largest sum divided by
/// `length^lengthPower`, the end counted in its length. Of equal ones the one that was found first
/// stays, and the lower id.
package struct BeamSearch: Sendable {
  package struct Settings: Sendable, Equatable {
    package var width: Int
    /// 0 leaves sums as they are, 1 takes the mean of ln p.
    package var lengthPower: Float

    package init(width: Int, lengthPower: Float) {
      self.width = width
      self.lengthPower = lengthPower
    }
  }

  /// A live hypothesis: which one before it continues, and by what.
  package struct Branch: Sendable, Equatable {
    package let parent: Int
    package let token: Int32
  }

  /// A token with the distribution that it was chosen from.
  package struct Answer: Sendable, Equatable {
    package let token: Int32
    package let row: [Float]
  }

  private struct Node {
    var parent: Int
    var token: Int32
    /// The distribution of its step.
    var row: Int
  }

  private struct Hypothesis {
    /// Its last token; -1 for none.
    var node: Int
    var sum: Double
    var length: Int
  }

  private let settings: Settings
  private let steps: Int
  private let until: Int32?
  private var nodes: [Node] = []
  private var rows: [[Float]] = []
  private var live = [Hypothesis(node: -1, sum: 0, length: 0)]
  private var finished: [Hypothesis] = []

  package init(_ settings: Settings, steps: Int, until: Int32?) {
    self.settings = settings
    self.steps = steps
    self.until = until
  }

  /// Continues the live hypotheses by the outputs that each of them got, in order.
  ///
  /// - Returns: the hypotheses that are live now; none when the search is over.
  package mutating func advance(_ outputs: [[Float]]) -> [Branch] {
    precondition(outputs.count == live.count, "an output for each live hypothesis")
    let best = candidates(outputs)
    let firstRow = rows.count
    rows += outputs
    var next: [Hypothesis] = []
    var branches: [Branch] = []
    for candidate in best {
      let parent = live[candidate.parent]
      nodes.append(
        Node(parent: parent.node, token: candidate.token, row: firstRow + candidate.parent))
      let hypothesis = Hypothesis(
        node: nodes.count - 1, sum: candidate.sum, length: parent.length + 1)
      if candidate.token == until {
        finished.append(hypothesis)
      } else if hypothesis.length == steps {
        finished.append(hypothesis)
      } else {
        next.append(hypothesis)
        branches.append(Branch(parent: candidate.parent, token: candidate.token))
      }
    }
    live = next
    return branches
  }

  /// The best hypothesis, from its first token on, without the one that ends it.
  package var best: [Answer] {
    var best: Hypothesis?
    for hypothesis in finished where best.map({ score(hypothesis) > score($0) }) ?? true {
      best = hypothesis
    }
    var answers: [Answer] = []
    var node = best?.node ?? -1
    while node >= 0 {
      let step = nodes[node]
      if step.token != until { answers.append(Answer(token: step.token, row: rows[step.row])) }
      node = step.parent
    }
    return answers.reversed()
  }

  private typealias Candidate = (parent: Int, token: Int32, sum: Double)

  /// The `width` likeliest continuations, the likeliest first.
  private func candidates(_ outputs: [[Float]]) -> [Candidate] {
    var best: [Candidate] = []
    for (parent, output) in outputs.enumerated() {
      for (token, probability) in output.enumerated() where probability > 0 {
        let sum = live[parent].sum + Double(Arithmetic.logarithm(probability))
        if best.count == settings.width, let last = best.last, sum <= last.sum { continue }
        let place = best.firstIndex { sum > $0.sum } ?? best.count
        best.insert((parent, Int32(token), sum), at: place)
        if best.count > settings.width { best.removeLast() }
      }
    }
    return best
  }

  private func score(_ hypothesis: Hypothesis) -> Double {
    if settings.lengthPower == 0 { return hypothesis.sum }
    let logarithm = Arithmetic.logarithm(Float(hypothesis.length))
    return hypothesis.sum / Double(Arithmetic.exponential(settings.lengthPower * logarithm))
  }
}
