import Durability
import Foundation

/// What the tokenizer stage and its workers tell each other about models: the JSON of kind `models`.
struct ModelMessage: Codable, Equatable, Sendable {
  enum Verb: String, Codable, Sendable {
    // To a worker.
    /// All models, behind a welcome: `models`, and the `shadow` if there is one.
    case series
    /// Read a file, and say whether it can be served by this policy.
    case load
    /// The model that was loaded takes steps from the next message on that names it.
    case serve
    /// The model that was loaded follows the one that serves.
    case shadow
    /// A model, or an attempt to load one, is needed no more.
    case drop

    // From a worker.
    case loaded
    case refused
    /// What streams may be given to begin with on the model that serves.
    case serving
    /// How far the shadow's answers differ.
    case report
  }

  var verb: Verb
  var models: [ModelRecord] = []
  var shadow: ModelRecord?
  /// Tells one try to load a file from another.
  var attempt: UInt64 = 0
  /// Why a file cannot be served.
  var reason: String?
  /// With `refused`: whether it is that the file is not there.
  var isMissing: Bool?
  var stateForm: StateForm?
  /// The model that `serving` speaks of.
  var generation: UInt64?
  var report: ShadowReport?

  init(_ verb: Verb, _ models: [ModelRecord] = [], attempt: UInt64 = 0) {
    self.verb = verb
    self.models = models
    self.attempt = attempt
  }

  init(payload: UnsafeRawBufferPointer) throws {
    self = try JSONDecoder().decode(ModelMessage.self, from: Data(payload))
  }

  var json: [UInt8] {
    get throws { Array(try JSONEncoder().encode(self)) }
  }
}
