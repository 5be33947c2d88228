import ModelFiles
import Recurrence

/// What shows that stepping a model gives what it gives for the whole sequence, however it is run.
package struct ModelVerification {
  /// One comparison of two ways to get the same answers.
  package struct Check {
    package let name: String
    /// How many answers were compared.
    package let answers: Int
    /// The largest absolute difference of two values.
    package let difference: Float
    /// Nil where every bit must be equal.
    package let tolerance: Float?
    /// How many answers have their largest value at the same place; nil where it is not asked.
    package var agreeing: Int?
    package let passes: Bool
  }

  /// Answers with the same label, in percent, that a lower precision must reach.
  package static let leastAgreement = 99.0

  package private(set) var checks: [Check] = []
  package var passes: Bool { checks.allSatisfy(\.passes) }

  private let model: Model
  private let steps: [RecordedStep]
  private var answers: [[Float]] = []

  /// Runs all checks.
  ///
  /// - Parameters:
  ///   - model: in f32.
  ///   - precision: another number format to compare with f32.
  ///   - lines: recorded steps; those without an input are skipped.
  ///   - probe: answers that the model's file brings; nil for none.
  ///   - expected: answers from elsewhere, in order: `{"y":[...]}` on each line.
  ///   - tolerance: for `expected`.
  /// - Throws: `RecordedStep.BadLine`.
  package init(
    _ model: Model, precision: Precision, lines: [RecordedStep], probe: ModelProbe? = nil,
    expected: [RecordedStep], tolerance: Float
  ) throws {
    self.model = model
    steps = lines.filter(\.hasInput)
    answers = try stepByStep(model)
    try checkWhole()
    compare("fast kernels, plain layers", try stepByStep(model, plainly: true), tolerance: nil)
    try checkResumed()
    if let probe { check(probe) }
    let known = expected.compactMap(\.answer)
    if !known.isEmpty { compare("expected answers", known, tolerance: tolerance) }
    if precision != .f32 { try checkPrecision(precision) }
  }

  // MARK: Ways to run

  /// Step by step, the state carried; a one-to-many model's rows follow at the end.
  private func stepByStep(_ model: Model, plainly: Bool = false) throws -> [[Float]] {
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: 1)
    var rows: [[Float]] = []
    for step in steps {
      batch.removeAll()
      try step.append(to: &batch, state, model)
      if plainly { model.stepPlainly(&batch) } else { model.step(&batch) }
      if model.shape.answersEachStep { rows.append(Array(batch.output(0))) }
    }
    return rows + lastRows(model, state, plainly: plainly)
  }

  private func lastRows(_ model: Model, _ state: StreamState, plainly: Bool) -> [[Float]] {
    if model.shape.answersEachStep { return [] }
    let matrix = model.decode(state, plainly: plainly)
    return (0..<matrix.rows).map { Array(matrix.row($0)) }
  }

  /// As many steps in one call as a batch has room for.
  private mutating func checkWhole() throws {
    let capacity = 64
    let state = model.makeState()
    var batch = StepBatch(model: model, capacity: capacity)
    var rows: [[Float]] = []
    for start in stride(from: 0, to: steps.count, by: capacity) {
      batch.removeAll()
      for step in steps[start..<min(start + capacity, steps.count)] {
        try step.append(to: &batch, state, model)
      }
      model.step(&batch)
      guard model.shape.answersEachStep else { continue }
      for index in 0..<batch.count { rows.append(Array(batch.output(index))) }
    }
    rows += lastRows(model, state, plainly: false)
    compare("whole sequence, step by step", rows, tolerance: nil)
  }

  /// The state leaves as floats after every step and comes back into another one.
  private mutating func checkResumed() throws {
    var state = model.makeState()
    var batch = StepBatch(model: model, capacity: 1)
    var rows: [[Float]] = []
    for step in steps {
      let resumed = model.makeState()
      try resumed.load(state.floats)
      state = resumed
      batch.removeAll()
      try step.append(to: &batch, state, model)
      model.step(&batch)
      if model.shape.answersEachStep { rows.append(Array(batch.output(0))) }
    }
    rows += lastRows(model, state, plainly: false)
    compare("state cut and resumed after each step", rows, tolerance: nil)
  }

  /// The answers recorded in the file, by the model as it was loaded.
  private mutating func check(_ probe: ModelProbe) {
    let rows = [probe.answers(of: model) ?? []]
    let expected = [probe.expected]
    checks.append(
      Check(
        name: "probe in the file", answers: probe.expected.count / max(1, model.outputWidth),
        difference: Self.difference(rows, expected), tolerance: nil,
        passes: Self.bits(rows) == Self.bits(expected)))
  }

  private mutating func checkPrecision(_ precision: Precision) throws {
    let other = try Model(
      layers: model.layers, input: model.input, name: model.name, precision: precision)
    let rows = try stepByStep(other)
    var agreeing = 0
    for (row, answer) in zip(rows, answers) where Self.label(row) == Self.label(answer) {
      agreeing += 1
    }
    let least = Self.leastAgreement / 100 * Double(answers.count)
    checks.append(
      Check(
        name: "\(precision.rawValue), f32", answers: answers.count,
        difference: Self.difference(rows, answers), tolerance: nil, agreeing: agreeing,
        passes: model.outputWidth == 1 || Double(agreeing) >= least))
  }

  // MARK: Comparing

  private mutating func compare(_ name: String, _ rows: [[Float]], tolerance: Float?) {
    let difference = Self.difference(rows, answers)
    checks.append(
      Check(
        name: name, answers: min(rows.count, answers.count), difference: difference,
        tolerance: tolerance,
        passes: tolerance.map { difference <= $0 } ?? (Self.bits(rows) == Self.bits(answers))))
  }

  /// Infinite where the shapes differ, or only one of two values is a number.
  private static func difference(_ a: [[Float]], _ b: [[Float]]) -> Float {
    guard a.map(\.count) == b.map(\.count) else { return .infinity }
    var largest: Float = 0
    for (a, b) in zip(a.joined(), b.joined()) {
      // Before its first answer a model of windows gives none.
      if a.isNaN && b.isNaN { continue }
      let difference = abs(a - b)
      guard !difference.isNaN else { return .infinity }
      largest = max(largest, difference)
    }
    return largest
  }

  private static func bits(_ rows: [[Float]]) -> [[UInt32]] { rows.map { $0.map(\.bitPattern) } }

  private static func label(_ row: [Float]) -> Int? {
    row.indices.max { row[$0] < row[$1] }
  }

  // MARK: Text

  /// An aligned table with the verdict behind it, without a newline at its end.
  package var text: String {
    var lines = checks.map { check in
      let name = check.name.padding(to: 38)
      return "\(name)  \("\(check.answers)".padding(to: 7))  \(Self.verdict(check))"
    }
    lines.insert("\("check".padding(to: 38))  answers  largest difference", at: 0)
    lines.append(passes ? "right" : "WRONG")
    return lines.joined(separator: "\n")
  }

  private static func verdict(_ check: Check) -> String {
    let difference = "\(check.difference)".padding(to: 14)
    if let agreeing = check.agreeing {
      return "\(difference)  the largest value is the same one in \(agreeing)"
        + (check.passes ? "" : ": FEWER than \(leastAgreement) %")
    }
    guard let tolerance = check.tolerance else {
      return "\(difference)  \(check.passes ? "same bits" : "OTHER bits")"
    }
    return "\(difference)  \(check.passes ? "within" : "ABOVE") \(tolerance)"
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
