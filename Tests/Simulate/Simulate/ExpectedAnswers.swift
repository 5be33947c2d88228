import Recurrence
import Tokenization
import Wire

/// What one life of a stream must give: its model stepped alone, element after element, by nobody but
/// the model and the tokenizer themselves.
struct ExpectedAnswers {
  struct Answer {
    let number: UInt64
    let row: [Float]
    let token: Int32?
    /// Whether only the end made it due.
    let isEnd: Bool
  }

  /// In their order.
  private(set) var answers: [Answer] = []
  /// Their output lines.
  private(set) var lines: [String] = []
  /// Where each stands, by its number.
  private var places: [UInt64: Int] = [:]

  init(of life: LifeScript, stream: String, _ model: SimulatedModel, _ setup: Setup) {
    let state = model.model.makeState()
    var batch = StepBatch(model: model.model, capacity: 1)
    var last: Answer?
    var sinceAnswer = 0
    for step in ExpectedAnswers.steps(of: life, model, setup) {
      if step.zeroes { state.zero() }
      batch.removeAll()
      switch step.input {
      case .token(let id): batch.append(state, token: id)
      case .row(let row): row.withUnsafeBufferPointer { batch.append(state, vector: $0) }
      case .none: continue
      }
      model.model.step(&batch)
      sinceAnswer += 1
      let answer = Answer(
        number: step.number, row: Array(batch.output(0)), token: step.token, isEnd: false)
      last = answer
      if setup.emitEvery > 0, sinceAnswer == setup.emitEvery {
        answers.append(answer)
        sinceAnswer = 0
      }
    }
    if life.ends, let last, sinceAnswer > 0 {
      answers.append(
        Answer(number: last.number, row: last.row, token: last.token, isEnd: true))
    }
    guard let id = StreamID(stream) else { preconditionFailure("\(stream) is no stream's name") }
    for (place, answer) in answers.enumerated() {
      var line: [UInt8] = []
      answer.row.withUnsafeBufferPointer {
        model.format.appendLine(
          stream: id, number: answer.number, token: answer.token, row: $0, isEnd: answer.isEnd,
          to: &line)
      }
      lines.append(String(decoding: line.dropLast(), as: UTF8.self))
      places[answer.number] = place
    }
  }

  /// Where the answer to a step stands; nil for one that nothing is due for.
  func place(of number: UInt64) -> Int? { places[number] }

  // MARK: Steps

  private struct Step {
    enum Input {
      case token(Int32)
      case row([Float])
      /// Refused.
      case none
    }

    let number: UInt64
    let input: Input
    let token: Int32?
    /// Whether h is zeroed in front of it.
    let zeroes: Bool
  }

  private static func steps(
    of life: LifeScript, _ model: SimulatedModel, _ setup: Setup
  ) -> [Step] {
    if case .text(let tokenizer) = model.encoding { return steps(of: life, tokenizer) }
    return life.elements.enumerated().map { index, element in
      let input: Step.Input =
        element < 0
        ? .none
        : setup.input == .ids
          ? .token(Int32(element)) : .row(SimulatedModel.row(element))
      return Step(
        number: life.first + UInt64(index), input: input, token: nil,
        zeroes: life.resets.contains(index))
    }
  }

  /// Text is cut at its resets alone, and counted from 0.
  private static func steps(of life: LifeScript, _ tokenizer: TextTokenizer) -> [Step] {
    var carry = TokenizerCarry()
    var steps: [Step] = []
    let bounds = [0] + life.resets + [life.elements.count]
    for (start, end) in zip(bounds, bounds.dropFirst()) {
      var run = TokenRun()
      tokenizer.begin(carry: &carry, into: &run)
      let bytes = life.elements[start..<end].map { UInt8($0) }
      bytes.withUnsafeBytes { tokenizer.feed($0, carry: &carry, into: &run) }
      if end < life.elements.count || life.ends { tokenizer.flush(carry: &carry, into: &run) }
      for (index, id) in run.ids.enumerated() {
        steps.append(
          Step(
            number: UInt64(steps.count), input: .token(id), token: id,
            zeroes: start > 0 && index == 0))
      }
    }
    return steps
  }
}
