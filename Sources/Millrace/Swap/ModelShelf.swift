import Durability
import Foundation
import ModelFiles
import Recurrence
import Synchronization
import ZeroMQ

/// The models that a process has loaded: its workers share them, and each file is read once.
///
/// A model file is read on a thread of its own, while the workers go on.
package final class ModelShelf: Sendable {
  /// A model that did not come about, in one line.
  package struct Refusal: Error, CustomStringConvertible {
    package let description: String
    /// Whether the file is not there.
    let isMissing: Bool

    init(description: String, isMissing: Bool = false) {
      (self.description, self.isMissing) = (description, isMissing)
    }
  }

  private struct Attempt {
    var bells: [Signal]
    /// Nil while the file is read.
    var result: Result<Pipeline, Refusal>?
  }

  private struct Shelf {
    /// By their hashes: the pipeline with that model in it.
    var pipelines: [String: Pipeline] = [:]
    var attempts: [UInt64: Attempt] = [:]
    var held: [String: Held] = [:]
  }

  /// Knows whether a model is still in memory, without keeping it there.
  private struct Held {
    weak var model: Model?
  }

  package let file: PipelineFile
  /// The model that the pipeline file names.
  package let first: ModelRecord
  private let shelf: Mutex<Shelf>

  package init(_ pipeline: Pipeline) {
    file = pipeline.file
    first = pipeline.modelRecord
    shelf = Mutex(Shelf())
    put(pipeline)
  }

  private func put(_ pipeline: Pipeline) {
    shelf.withLock {
      $0.pipelines[pipeline.model.hashText] = pipeline
      $0.held[pipeline.model.hashText] = Held(model: pipeline.model.model)
    }
  }

  /// Whether a model is in memory, whoever uses it.
  func holds(_ hash: String) -> Bool { shelf.withLock { $0.held[hash]?.model != nil } }

  /// The pipeline with the model of a record, which is loaded if it is not here.
  ///
  /// - Throws: a `Refusal` that says what to do: the file is gone, or is another one now.
  package func pipeline(of record: ModelRecord) throws(Refusal) -> Pipeline {
    if let here = shelf.withLock({ $0.pipelines[record.hash] }) { return here }
    let found: Pipeline
    do {
      found = try read(record.path)
    } catch {
      throw Refusal(
        description: "streams go on with the model \(record.hash), which was swapped in from "
          + "\(record.path): \(error); put that file back")
    }
    guard found.model.hashText == record.hash else {
      throw Refusal(
        description: "streams go on with the model \(record.hash), which was swapped in from "
          + "\(record.path), and that file is now \(found.model.hashText); put the first one back")
    }
    put(found)
    return found
  }

  private func read(_ path: String) throws -> Pipeline {
    // Its hash is looked at by whoever asked for it.
    return try pipeline(with: PipelineBuilder(file).readModel(at: path), from: path)
  }

  private func pipeline(with model: LoadedModel, from path: String) throws -> Pipeline {
    var file = file
    file.model = path
    return try PipelineBuilder(file).build(with: model)
  }

  // MARK: Swapping

  /// Reads a candidate's file and compares it with the model that serves; rings `bell` when that is
  /// done.
  ///
  /// Several workers may ask for the same attempt: the file is read once.
  func load(
    _ candidate: ModelRecord, attempt: UInt64, beside serving: ModelRecord, bell: Signal
  ) {
    let isFirst = shelf.withLock { shelf in
      guard var known = shelf.attempts[attempt] else {
        shelf.attempts[attempt] = Attempt(bells: [bell])
        return true
      }
      known.bells.append(bell)
      if known.result != nil { bell.raise() }
      shelf.attempts[attempt] = known
      return false
    }
    guard isFirst else { return }
    let thread = Thread { [self] in
      Thread.current.name = "model"
      let result = Result { () throws(Refusal) in
        try self.candidate(candidate, beside: serving)
      }
      let bells = shelf.withLock { shelf in
        // It may have been given up meanwhile.
        shelf.attempts[attempt]?.result = result
        return shelf.attempts[attempt]?.bells ?? []
      }
      for bell in bells { bell.raise() }
    }
    thread.stackSize = 8 << 20
    thread.start()
  }

  private func candidate(
    _ candidate: ModelRecord, beside serving: ModelRecord
  ) throws(Refusal) -> Pipeline {
    let policy = SwapPolicy(rawValue: candidate.policy) ?? .carry
    let current = try pipeline(of: serving)
    let loaded: LoadedModel
    do {
      guard FileManager.default.fileExists(atPath: candidate.path) else {
        throw Refusal(
          description: "\(ModelFileError.missing(path: candidate.path))", isMissing: true)
      }
      loaded = try PipelineBuilder(file).readModel(at: candidate.path)
    } catch let refusal as Refusal {
      throw refusal
    } catch {
      throw Refusal(description: "\(error)")
    }
    let refusal = SwapCheck.refusal(
      of: loaded, beside: current.model, policy, rewarmSteps: file.rewarmSteps,
      ownsLabels: file.labels == nil,
      ownsVocabulary: file.tokenizer.kind == .textVectorization && file.tokenizer.file == nil)
    if let refusal { throw Refusal(description: "\(candidate.path): \(refusal)") }
    if let here = shelf.withLock({ $0.pipelines[loaded.hashText] }) { return here }
    do {
      return try pipeline(with: loaded, from: candidate.path)
    } catch {
      throw Refusal(description: "\(error)")
    }
  }

  /// What has become of an attempt; nil while its file is read.
  func result(of attempt: UInt64) -> Result<Pipeline, Refusal>? {
    shelf.withLock { $0.attempts[attempt]?.result }
  }

  /// An attempt's model serves now, or follows as a shadow.
  func keep(_ attempt: UInt64) {
    guard case .success(let pipeline)? = result(of: attempt) else { return }
    put(pipeline)
  }

  /// An attempt came to nothing, or its model was kept.
  func forget(_ attempt: UInt64) { shelf.withLock { $0.attempts[attempt] = nil } }

  /// No stream needs a model any more.
  func drop(_ hash: String) { shelf.withLock { $0.pipelines[hash] = nil } }
}

extension Pipeline {
  /// The model as the first that a pipeline serves.
  package var modelRecord: ModelRecord {
    ModelRecord(generation: 0, policy: "", path: file.model, hash: model.hashText)
  }
}
