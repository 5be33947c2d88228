import Foundation
import Recurrence

/// A line of a fixture's steps.jsonl.
struct ReferenceStep: Decodable {
  enum Input: Decodable {
    case token(Int32)
    case values([Float])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let token = try? container.decode(Int32.self) {
        self = .token(token)
      } else {
        self = .values(try container.decode([Float].self))
      }
    }
  }

  let t: Int
  let k: Int?
  let x: Input?
  let y: [Float]?
}

/// The steps of a fixture, and what a model answers to them.
struct ReferenceSteps {
  let steps: [ReferenceStep]

  init(_ folder: String) throws {
    let text = String(decoding: try Fixture.bytes("\(folder)/steps.jsonl"), as: UTF8.self)
    steps = try text.split(separator: "\n").map {
      try JSONDecoder().decode(ReferenceStep.self, from: Data($0.utf8))
    }
  }

  /// One row for each expected one.
  func answers(of model: Model) -> [[Float]] {
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: 1)
    var rows: [[Float]] = []
    for step in steps {
      guard let input = step.x else { continue }
      batch.removeAll()
      switch input {
      case .token(let token): batch.append(state, token: token)
      case .values(let values):
        values.withUnsafeBufferPointer { batch.append(state, vector: $0) }
      }
      model.step(&batch)
      if step.y != nil { rows.append(Array(batch.output(0))) }
    }
    guard case .oneToMany = model.shape else { return rows }
    let decoded = model.decode(state)
    return (0..<decoded.rows).map { decoded.row($0) }
  }

  /// The first answer that is not the expected one, in words; nil if all are.
  func difference(from rows: [[Float]]) -> String? {
    let expected = steps.compactMap { step in step.y.map { (step, $0) } }
    guard expected.count == rows.count else {
      return "\(rows.count) answers, expected \(expected.count)"
    }
    for ((step, row), received) in zip(expected, rows) {
      guard row.count == received.count else {
        return "step \(step.t): \(received.count) values, expected \(row.count)"
      }
      for (e, y) in zip(row, received) where !(abs(y - e) <= 2e-5 + 2e-4 * abs(e)) {
        return "step \(step.t): expected \(row), received \(received)"
      }
    }
    return nil
  }
}
