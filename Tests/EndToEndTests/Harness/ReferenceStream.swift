import ModelFiles
import Recurrence
import Wire

/// A model as a test knows it, to compute with and to recognise in answers.
struct ReferenceModel {
  let path: String
  let model: Model
  /// How answers name it.
  let key: UInt64
  let hash: String

  /// Loads a file of the repository, or one with an absolute path.
  init(_ path: String) throws {
    self.path = path.hasPrefix("/") ? path : Checkout.path(path)
    let loaded = try loadModel(at: self.path, forSteppingOnly: true)
    model = loaded.model
    hash = "sha256:" + loaded.sha256Text
    key = ModelKey.key(of: hash)
  }
}

/// What the answers of one stream of tokens are, computed step by step without a daemon; the model may
/// be another one from some step on.
struct ReferenceStream {
  private(set) var model: ReferenceModel
  private var state: StreamState
  private var taken: [Int32] = []

  init(_ model: ReferenceModel) {
    self.model = model
    state = model.model.makeState()
  }

  mutating func step(_ token: Int32) -> [Float] {
    taken.append(token)
    return advance(token)
  }

  private func advance(_ token: Int32) -> [Float] {
    var batch = StepBatch(model: model.model, capacity: 1)
    return withExtendedLifetime(state) {
      batch.append(state, token: token)
      model.model.step(&batch)
      return Array(batch.output(0))
    }
  }

  /// Goes on with another model, as `--policy` says; `rewarm` is how many inputs are kept.
  mutating func move(to other: ReferenceModel, _ policy: String, rewarm: Int) throws {
    let before = state
    model = other
    state = other.model.makeState()
    switch policy {
    case "carry": try state.load(before.floats)
    case "rewarm": for token in taken.suffix(rewarm) { _ = advance(token) }
    case "reset": taken = []
    default: throw HarnessError.unexpected("policy \(policy)")
    }
  }
}
