import Durability
import Recurrence
import Tokenization
import Wire

/// What a checkpoint file of a pipeline is like, and whether a stream in one can go on here.
struct CheckpointForm: Sendable {
  private(set) var owner: CheckpointFile.Owner
  let encoding: InputEncoding
  private(set) var state: StateForm
  /// Values of an answer.
  let answerWidth: Int
  let hasAnomaly: Bool
  let hasAlarm: Bool
  let recent: RecentInputs.Form
  /// With `emit: every`, steps for each answer.
  let stepsAnAnswer: UInt32?

  /// Numbers beyond it are no stream's, and could not be added to.
  private static let numberMax: UInt64 = 1 << 62

  /// The same of a model that was swapped in, whose inputs and answers are alike.
  func of(model hash: String, _ state: StateForm) -> CheckpointForm {
    var form = self
    form.owner.model = hash
    form.state = state
    return form
  }

  /// Floats of all rows.
  var stateCount: Int { state.rows.reduce(0) { $0 + $1.width } }

  /// The stream of a checkpoint file, with nothing in it that could harm a stage.
  ///
  /// - Throws: a `CheckpointFile.Failure`.
  func read(_ file: [UInt8]) throws(CheckpointFile.Failure) -> CheckpointFile {
    var content = try CheckpointFile(reading: file, for: owner, rows: state.rows)
    try check(content.snapshot.standing)
    if var memory = content.snapshot.memory {
      try check(memory)
      memory.checkpoint.recent = try kept(memory.checkpoint.recent)
      // Where none are kept here, it can only be carried.
      if recent.limit == 0 { memory.checkpoint.isRewarmed = false }
      if let stepsAnAnswer {
        // Where it comes from, answers may be rarer.
        memory.checkpoint.stepsSinceAnswer = min(
          memory.checkpoint.stepsSinceAnswer, stepsAnAnswer - 1)
      }
      if !hasAlarm { memory.alarm = [] }
      content.snapshot.memory = memory
    }
    return content
  }

  private func check(_ standing: StreamStanding) throws(CheckpointFile.Failure) {
    for number in [standing.expected, standing.nextStep, standing.nextAnswer, standing.epoch]
    where number > CheckpointForm.numberMax {
      throw .damaged("\(number) is no number of a stream")
    }
    guard standing.firstInput <= standing.expected, standing.sequenceStart <= standing.nextStep,
      MessageFlags(rawValue: standing.pendingFlags).isSubset(of: [.start, .reset])
    else { throw .damaged("its numbers contradict each other") }
    guard standing.given.isEmpty || standing.given.count == state.count else {
      throw .damaged("the state to begin with has \(standing.given.count) numbers")
    }
    let fits: Bool
    do {
      fits = try encoding.fits(standing)
    } catch {
      throw .damaged("what its tokenizer has begun cannot be read: \(error)")
    }
    guard fits else { throw .damaged("what its tokenizer has begun is of another tokenizer") }
  }

  private func check(_ memory: StreamSnapshot.Memory) throws(CheckpointFile.Failure) {
    let checkpoint = memory.checkpoint
    guard checkpoint.nextStep <= CheckpointForm.numberMax,
      checkpoint.last.map({ $0.number <= checkpoint.nextStep }) ?? true
    else { throw .damaged("its numbers contradict each other") }
    if let last = checkpoint.last, last.row.count != answerWidth {
      throw .mismatch(
        what: "answers of", file: "\(last.row.count) values", here: "\(answerWidth) values")
    }
    if !checkpoint.errors.isEmpty {
      guard hasAnomaly else {
        throw .mismatch(what: "anomaly score", file: "some", here: "none")
      }
      do {
        _ = try AnomalyScore.State(decoding: checkpoint.errors)
      } catch {
        throw .damaged("its forecast errors cannot be read")
      }
    }
    guard memory.alarm.isEmpty || AlarmState(decoding: memory.alarm) != nil else {
      throw .damaged("its alarm cannot be read")
    }
  }

  /// The last inputs, as far as they are kept here.
  private func kept(_ bytes: [UInt8]) throws(CheckpointFile.Failure) -> [UInt8] {
    do {
      return try RecentInputs(decoding: bytes).kept(as: recent).encoded()
    } catch {
      throw .damaged("its last inputs are none of this pipeline's")
    }
  }
}

extension CheckpointForm {
  init(_ pipeline: Pipeline, owner: CheckpointFile.Owner) {
    self.owner = owner
    encoding = pipeline.encoding
    state = StateForm(pipeline.model.model.stateLayout)
    answerWidth = pipeline.output.width(of: pipeline.model.model.outputWidth)
    hasAnomaly = pipeline.output.anomaly != nil
    hasAlarm = pipeline.alarm != nil
    recent = RecentInputs.Form(
      limit: pipeline.file.rewarmSteps, width: encoding.stepWidth ?? 0,
      tokens: pipeline.model.model.input.tokenBound)
    if case .every(let count) = pipeline.file.emit {
      stepsAnAnswer = UInt32(count)
    } else {
      stepsAnAnswer = nil
    }
  }
}

extension InputEncoding {
  /// Whether what a tokenizer has begun is of this one.
  fileprivate func fits(_ standing: StreamStanding) throws(CarryError) -> Bool {
    let text =
      standing.carry.isEmpty ? TokenizerCarry() : try TokenizerCarry(decoding: standing.carry)
    let values = standing.values.isEmpty ? ValueCarry() : try ValueCarry(decoding: standing.values)
    return switch self {
    case .text(let tokenizer): tokenizer.fits(text) && values.isEmpty
    case .values(let features): standing.values.isEmpty || features.fits(values)
    case .ids, .frames: values.isEmpty
    }
  }
}

extension ModelInput {
  /// Token ids that a step can be are below it.
  fileprivate var tokenBound: Int {
    switch self {
    case .tokens(let vocabulary): vocabulary
    case .vectors(let width): width
    }
  }
}
