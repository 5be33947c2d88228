import Durability
import Logging
import ZeroMQ

/// The models that one worker serves, by their generations.
///
/// Owned by the worker's thread. Runs and streams keep the model that they need: one that is dropped
/// leaves memory behind the last of them.
final class WorkerModels {
  let shelf: ModelShelf
  /// Rings when a file has been read.
  let bell: Signal
  private(set) var series: ModelSeries
  private var table: [UInt64: WorkerModel] = [:]
  /// Why a model that may be needed is not here.
  private var missing: [UInt64: ModelShelf.Refusal] = [:]
  private let batch: Int
  private let metrics: StageMetrics

  init(_ shelf: ModelShelf, batch: Int, metrics: StageMetrics) throws {
    self.shelf = shelf
    self.batch = batch
    self.metrics = metrics
    bell = try Signal()
    series = ModelSeries(shelf.first)
    table[0] = try make(shelf.first)
  }

  /// The one that new lives begin on.
  var current: WorkerModel {
    guard let model = table[series.current.generation] else {
      preconditionFailure("the model that serves is not here")
    }
    return model
  }

  /// Nil for one that is not here.
  func known(_ generation: UInt64) -> WorkerModel? { table[generation] }

  /// - Throws: why it is not here.
  func model(of generation: UInt64) throws -> WorkerModel {
    if let known = table[generation] { return known }
    throw missing[generation]
      ?? ModelShelf.Refusal(description: "there is no model of generation \(generation)")
  }

  func policy(from generation: UInt64, to model: WorkerModel) -> SwapPolicy {
    series.policy(from: generation, to: model.generation)
  }

  /// How a state of a generation goes over to a model; nil for one that is the model's.
  func passage(
    from generation: UInt64, to model: WorkerModel
  ) -> InferenceStream.Passage? {
    guard generation != model.generation else { return nil }
    return InferenceStream.Passage(
      policy: policy(from: generation, to: model), before: series.key(of: generation))
  }

  func policy(from before: WorkerModel, to model: WorkerModel) -> SwapPolicy {
    policy(from: before.generation, to: model)
  }

  // MARK: Changes

  /// All models, as the tokenizer stage has them: those that are not here are read now.
  ///
  /// - Throws: why the one that serves cannot be served.
  func take(_ records: [ModelRecord]) throws {
    guard let series = ModelSeries(records), series.records != self.series.records else { return }
    self.series = series
    let before = table
    table.removeAll()
    missing.removeAll()
    for record in series.held {
      if let same = before[record.generation], same.record.hash == record.hash {
        table[record.generation] = same
        continue
      }
      do {
        table[record.generation] = try make(record)
      } catch {
        guard record.generation != series.current.generation else { throw error }
        missing[record.generation] = error
      }
    }
    let used = Set(table.values.map(\.record.hash))
    for model in before.values where !used.contains(model.record.hash) {
      shelf.drop(model.record.hash)
    }
  }

  /// The model of an attempt serves from now on.
  func serve(_ record: ModelRecord) throws {
    table[record.generation] = try make(record)
    series.append(record)
  }

  /// A model beside those that serve.
  func make(_ record: ModelRecord) throws(ModelShelf.Refusal) -> WorkerModel {
    WorkerModel(
      record, try shelf.pipeline(of: record), batch: batch, steps: metrics.steps(of: record.hash))
  }

  /// No life needs a model any more; streams that rest on it are to go over.
  func drop(_ generation: UInt64) -> WorkerModel? {
    series.release(generation)
    missing[generation] = nil
    let model = table.removeValue(forKey: generation)
    model?.isDropped = true
    if let model, !table.values.contains(where: { $0.record.hash == model.record.hash }) {
      shelf.drop(model.record.hash)
    }
    return model
  }

  /// The model that a stream of an earlier one goes over to.
  func successor(of model: WorkerModel) -> WorkerModel? {
    table[series.successor(of: model.generation)]
  }
}
