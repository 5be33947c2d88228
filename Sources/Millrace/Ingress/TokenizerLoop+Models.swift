import Durability
import Foundation
import Logging
import Wire
import ZeroMQ

/// Models that are swapped in: the workers read the file, and once all have it every message says
/// which model it is for.
extension TokenizerLoop {
  // MARK: Stamping

  /// The model that a stream's next message runs on; a life goes over with it.
  func advanceGeneration(of stream: IngressStream) -> UInt64 {
    stream.generation = models.series.successor(of: stream.generation)
    return stream.generation
  }

  // MARK: Swapping

  /// Has a model swapped in; `reply` is called on this thread once that is done and as durable as all
  /// else, or with what stands against it.
  func swapModel(
    to path: String, by policy: SwapPolicy, reply: @escaping ServedModels.Reply
  ) throws {
    if let refusal = swapRefusal(policy) {
      return reply(.failure(ModelShelf.Refusal(description: refusal)))
    }
    guard let generation = models.nextGeneration() else {
      return reply(
        .failure(
          ModelShelf.Refusal(
            description: "\(Header.generationMax) models were swapped in; stop the daemon and move "
              + "its store away to begin anew")))
    }
    let candidate = ModelRecord(
      generation: generation, policy: policy.rawValue, path: path, hash: "")
    let swap = SwapUnderWay(
      candidate, attempt: UInt64.random(in: 1 ... .max), workers: workers.count,
      dueMilliseconds: control.clock.milliseconds + Limits.swapMilliseconds)
    models.underWay = swap
    models.reply = reply
    control.logger.info(
      "reading a model", metadata: ["file": "\(path)", "policy": "\(policy.rawValue)"])
    try tell(ModelMessage(.load, [candidate], attempt: swap.attempt))
  }

  private func swapRefusal(_ policy: SwapPolicy) -> String? {
    if isStopping { return "the daemon is stopping; swap the model of the next one" }
    if let swap = models.underWay {
      return "\(swap.candidate.path) is being swapped in; wait until that is done"
    }
    let held = models.series.held.count + (models.shadow == nil ? 0 : 1)
    if policy != .shadow, held >= Limits.models {
      return "\(held) models are held, expected fewer than \(Limits.models): streams still run on "
        + "the older ones; wait until they end, or swap by another policy than drain"
    }
    return nil
  }

  private func tell(_ message: ModelMessage) throws {
    let json = try message.json
    for worker in workers { try worker.send(Header(kind: .models), json: json) }
  }

  /// What a worker says of models.
  func take(_ message: ModelMessage, from worker: Int) throws {
    switch message.verb {
    case .loaded:
      guard var swap = models.underWay, swap.attempt == message.attempt,
        let record = message.models.first
      else { return }
      let decision = swap.take(record, from: worker)
      models.underWay = swap
      switch decision {
      case .wait: return
      case .go(let record): try swapIn(record, swap.attempt, message.stateForm)
      case .refuse(let reason): try refuseSwap(reason)
      }
    case .refused:
      guard models.underWay?.attempt == message.attempt else { return }
      try refuseSwap(message.reason ?? "", isMissing: message.isMissing == true)
    case .serving:
      // Told before a swap that is done by now.
      guard message.generation == models.series.current.generation else { return }
      if let form = message.stateForm { models.stateForm = form }
      models.isSettled = true
    case .report: models.reports[worker] = message.report
    case .series, .load, .serve, .shadow, .drop: break
    }
  }

  private func refuseSwap(_ reason: String, isMissing: Bool = false) throws {
    guard let swap = models.underWay else { return }
    try tell(ModelMessage(.drop, attempt: swap.attempt))
    control.logger.warning(
      "model refused", metadata: ["file": "\(swap.candidate.path)", "reason": "\(reason)"])
    tap?.publish(
      event: "{\"event\":\"swap-refused\",\"file\":\(JSONText.quoted(swap.candidate.path)),"
        + "\"reason\":\(JSONText.quoted(reason))}")
    finishSwap(.failure(ModelShelf.Refusal(description: reason, isMissing: isMissing)))
  }

  private func finishSwap(_ result: Result<SwapOutcome, ModelShelf.Refusal>) {
    let reply = models.reply
    models.underWay = nil
    models.reply = nil
    reply?(result)
  }

  /// Every worker has the model: from the next message on streams go over to it.
  private func swapIn(
    _ record: ModelRecord, _ attempt: UInt64, _ stateForm: StateForm?
  ) throws {
    let before = models.series.current
    let outcome = SwapOutcome(model: record, before: before, openStreams: openStreams)
    models.reports = [:]
    if record.policy == SwapPolicy.shadow.rawValue {
      models.shadow = record
      try tellShadow(record, attempt)
    } else if record.hash == before.hash, record.policy != SwapPolicy.reset.rawValue,
      record.policy != SwapPolicy.rewarm.rawValue
    {
      // By carry or drain the model that serves already: nothing goes over, and what followed it ends.
      models.shadow = nil
      try tellShadow(nil, attempt)
      try tell(ModelMessage(.drop, attempt: attempt))
    } else {
      models.shadow = nil
      if let stateForm { models.stateForm = stateForm }
      models.series.append(record)
      control.metrics.serve(record.hash)
      let ticket = log?.store.submit(models.series.records.map { .model($0) })
      try tell(ModelMessage(.serve, [record], attempt: attempt))
      if let ticket, let reply = models.reply {
        models.replies.append((ticket, { reply(.success(outcome)) }))
        models.reply = nil
      }
    }
    control.logger.notice(
      "model swapped",
      metadata: [
        "policy": "\(record.policy)", "model": "\(record.hash)", "before": "\(before.hash)",
        "file": "\(record.path)", "streams": "\(openStreams)",
      ])
    tap?.publish(
      event: "{\"event\":\"swap\",\"policy\":\"\(record.policy)\",\"model\":\"\(record.hash)\","
        + "\"before\":\"\(before.hash)\",\"streams\":\(openStreams)}")
    finishSwap(.success(outcome))
  }

  private func tellShadow(_ record: ModelRecord?, _ attempt: UInt64) throws {
    var message = ModelMessage(.shadow, attempt: attempt)
    message.shadow = record
    try tell(message)
  }

  // MARK: Workers

  /// Tells a worker that was started, or whose link was made anew, of all models.
  func greetModels(_ worker: Int) throws {
    var message = ModelMessage(.series, models.series.records)
    message.shadow = models.shadow
    try workers[worker].send(Header(kind: .models), json: try message.json)
    guard var swap = models.underWay else { return }
    swap.forget(worker)
    models.underWay = swap
    let again = ModelMessage(.load, [swap.candidate], attempt: swap.attempt)
    try workers[worker].send(Header(kind: .models), json: try again.json)
  }

  /// Once a turn.
  func followModels() throws {
    if isStopping { try refuseSwap("the daemon is stopping; swap the model of the next one") }
    if let swap = models.underWay, control.clock.milliseconds >= swap.dueMilliseconds {
      let names = swap.missing.map { "inference-\($0)" }.joined(separator: ", ")
      try refuseSwap(
        "\(swap.candidate.path) was not read within \(Limits.swapMilliseconds / 1000) s: no answer "
          + "from \(names)")
    }
    if !models.replies.isEmpty, let log {
      // One that was committed in between is told in the next turn.
      let done = models.replies.prefix { log.store.isCommitted($0.ticket) }
      models.replies.removeFirst(done.count)
      for swap in done { swap.reply() }
    }
    try releaseModels()
  }

  /// Lets models go that no life is on, and no input is for that may come again.
  private func releaseModels() throws {
    guard models.series.records.count > 1, models.series.held.count > 1 else { return }
    let now = control.clock.milliseconds
    guard now >= models.nextLookMilliseconds else { return }
    models.nextLookMilliseconds = now + 500
    for var record in models.unused(streams: streams.values) {
      if let log {
        let group = models.releasing[record.generation] ?? log.newestGroup
        models.releasing[record.generation] = group
        guard log.isSaved(through: group) else { continue }
      }
      models.releasing[record.generation] = nil
      models.series.release(record.generation)
      record.isReleased = true
      log?.store.submit([.model(record)])
      try tell(ModelMessage(.drop, [record]))
      control.logger.notice("model needed no more", metadata: ["model": "\(record.hash)"])
      tap?.publish(event: "{\"event\":\"model-released\",\"model\":\"\(record.hash)\"}")
    }
  }

  // MARK: Restart

  /// The models as a process before this one left them, or the one that the pipeline file names.
  static func servedModels(_ stage: TokenizerStage, _ control: StageControl) throws -> ServedModels
  {
    guard let store = stage.store, var series = ModelSeries(try store.models()) else {
      return ServedModels(
        ModelSeries(stage.model), stateForm: stage.stateForm,
        parked: [0: try stage.store?.openStreamCount() ?? 0])
    }
    let current = series.current
    if current.hash == stage.model.hash, current.path != stage.model.path {
      series.move(current.generation, to: stage.model.path)
      store.submit([.model(series.current)])
    } else if current.hash != stage.model.hash {
      control.logger.warning(
        "going on with the model that was swapped in, not with the one that the pipeline file names",
        metadata: [
          "model": "\(current.hash)", "file": "\(current.path)", "named": "\(stage.model.path)",
          "do": "write model: \(current.path) into the file, or swap the other one in again",
        ])
    }
    control.metrics.serve(current.hash)
    let models = ServedModels(
      series, stateForm: stage.stateForm, parked: try store.openStreams())
    models.isSettled = current.hash == stage.model.hash
    return models
  }
}
