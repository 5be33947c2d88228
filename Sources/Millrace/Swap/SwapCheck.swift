import Durability
import ModelFiles
import Recurrence

/// Whether a model can take the place of another in a running pipeline.
enum SwapCheck {
  /// What stands against it.
  ///
  /// - Parameters:
  ///   - candidate: the model of the new file.
  ///   - serving: the one that serves.
  ///   - policy: how its streams would go over.
  ///   - rewarmSteps: inputs that each stream keeps.
  ///   - ownsLabels: whether class names come from the model file.
  ///   - ownsVocabulary: whether the tokens come from it.
  /// - Returns: one line that names what differs, and both values; nil where nothing does.
  static func refusal(
    of candidate: LoadedModel, beside serving: LoadedModel, _ policy: SwapPolicy,
    rewarmSteps: Int, ownsLabels: Bool, ownsVocabulary: Bool
  ) -> String? {
    let new = candidate.model
    let old = serving.model
    func differs(_ what: String, _ received: String, _ expected: String) -> String? {
      received == expected ? nil : "\(what) \(received), the model that serves \(expected)"
    }
    let found =
      differs("it takes", text(new.input), text(old.input))
      ?? differs("it gives", text(new), text(old))
      ?? differs("it", text(new.shape), text(old.shape))
      ?? (ownsLabels
        ? differs("it names", names(candidate.labels), names(serving.labels)) : nil)
      ?? (ownsVocabulary
        ? differs("it knows", text(candidate.vocabulary), text(serving.vocabulary)) : nil)
    if let found { return found }
    switch policy {
    case .carry:
      return differs("it keeps", text(new.stateLayout), text(old.stateLayout)).map {
        "carry goes on with h and c: \($0); say --policy reset, drain or rewarm"
      }
    case .rewarm where rewarmSteps == 0:
      return "rewarm replays the last inputs, and none are kept: expected state: { rewarm: STEPS } "
        + "in the pipeline file, received none; say --policy reset or drain"
    case .rewarm, .reset, .drain, .shadow: return nil
    }
  }

  private static func text(_ input: ModelInput) -> String {
    switch input {
    case .tokens(let vocabulary): "token ids below \(vocabulary)"
    case .vectors(let width): "vectors of \(width)"
    }
  }

  private static func text(_ model: Model) -> String {
    "\(model.outputWidth) \(model.outputIsDistribution ? "classes" : "values")"
  }

  private static func text(_ shape: SequenceShape) -> String {
    switch shape {
    case .manyToMany: "answers at each step"
    case .manyToOne: "answers a sequence"
    case .oneToMany(let count): "answers \(count) times behind the last step"
    }
  }

  private static func text(_ layout: StateLayout) -> String {
    let rows = layout.rows.map { row in
      switch row.kind {
      case .h: "h \(row.width)"
      case .c: "c \(row.width)"
      case .past(let steps): "input of \(steps) steps ago \(row.width)"
      case .value(let name): "\(name) \(row.width)"
      }
    }
    return rows.isEmpty ? "no state" : rows.joined(separator: ", ")
  }

  private static func names(_ labels: [String]?) -> String {
    guard let labels else { return "no classes" }
    return "\(labels.count) classes from \(labels.first ?? "") to \(labels.last ?? "")"
      + mark(labels)
  }

  private static func text(_ vocabulary: ModelVocabulary?) -> String {
    guard let vocabulary else { return "no tokens" }
    return vocabulary.text + mark(vocabulary.tokens)
  }

  /// Tells lists apart that begin and end alike.
  private static func mark(_ words: [String]) -> String {
    " (\(StateStore.fingerprint(Array(words.joined(separator: "\n").utf8)).prefix(8)))"
  }
}
