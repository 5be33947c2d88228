import Durability
import Foundation
import Logging
import ModelFiles
import Recurrence
import Tokenization
import ZeroMQ

/// A checked pipeline: model loaded, vocabulary and labels read, shapes fitting on every edge.
package struct Pipeline: Sendable {
  package let file: PipelineFile
  package let model: LoadedModel
  package let encoding: InputEncoding
  package let format: AnswerFormat
  /// With `emit: generate`.
  package let generation: GenerationSettings?
  /// What becomes of an output vector before it is an answer.
  package let output: OutputForm
  /// With `sink: { alarm: ... }`.
  package let alarm: AlarmSetting?
  /// What runs and may not be meant.
  package let warnings: [String]

  /// Takes parts that fit each other; `PipelineBuilder` checks those of a file.
  package init(
    file: PipelineFile, model: LoadedModel, encoding: InputEncoding, format: AnswerFormat,
    generation: GenerationSettings? = nil, output: OutputForm = OutputForm(),
    alarm: AlarmSetting? = nil, warnings: [String] = []
  ) {
    self.file = file
    self.model = model
    self.encoding = encoding
    self.format = format
    self.generation = generation
    self.output = output
    self.alarm = alarm
    self.warnings = warnings
  }

  /// Which endpoints the stages use.
  package enum Scope: Sendable, Equatable {
    /// The daemon: the file's own endpoints, stages joined inside the process.
    case daemon
    /// A filter: nothing outside the process is opened, and every answer goes back to the client.
    case filter
  }

  /// Whether anybody can subscribe: outside, or the daemon's own page.
  private var hasTaps: Bool { file.monitor != nil || file.http != nil }

  /// Where the daemon's own page subscribes, inside the process.
  package var pageTaps: String { "inproc://\(file.name)/page" }

  package func endpoints(_ scope: Scope) -> StageEndpoints {
    let inside = "inproc://\(file.name)"
    var ingress = file.ingress
    var taps = hasTaps ? TapFeed(endpoint: "\(inside)/taps") : nil
    var control = file.control
    if scope == .filter {
      ingress = "\(inside)/ingress"
      taps = nil
      control = nil
    }
    return StageEndpoints(
      ingress: ingress, tokens: "\(inside)/tokens", answers: "\(inside)/answers", taps: taps,
      control: control)
  }

  /// All stages of one process, in the order in which they start.
  ///
  /// The sink first, the tokenizer last; they stop the other way round, so that each can drain into
  /// the next.
  package func stages(
    _ scope: Scope, shelf: ModelShelf? = nil, store: StateStore? = nil
  ) -> [any Stage] {
    let shelf = shelf ?? ModelShelf(self)
    let endpoints = endpoints(scope)
    var stages: [any Stage] = []
    if let taps = endpoints.taps { stages += watching(taps, outside: file.monitor, "daemon") }
    stages += history(endpoints, store)
    stages.append(sink(scope, endpoints, store))
    for worker in 0..<file.inference.workers {
      stages.append(
        inference(
          worker, endpoints, reply: scope == .filter || file.sink.reply, store, shelf: shelf))
    }
    stages.append(tokenizer(endpoints, store))
    return stages
  }

  /// The stages of `millrace stage NAME`, joined to the others by the file's `links`.
  ///
  /// - Throws: a `ConfigurationError` when the file has no `links`.
  package func stages(
    only name: StageName, shelf: ModelShelf, store: StateStore? = nil
  ) throws(ConfigurationError) -> [any Stage] {
    guard let links = file.links else {
      throw ConfigurationError(
        file: file.path,
        message: "has no \"links\", which join stages in processes of their own: "
          + "links: { tokens: ENDPOINT, answers: ENDPOINT }")
    }
    var endpoints = StageEndpoints(
      ingress: file.ingress, tokens: links.tokens, answers: links.answers, control: file.control)
    (endpoints.tokensKey, endpoints.answersKey) = (links.tokensKey, links.answersKey)
    var stages: [any Stage] = []
    if hasTaps {
      // One address each: three processes cannot share one.
      let taps = TapFeed(endpoint: "inproc://\(file.name)/taps")
      endpoints.taps = taps
      let outside = file.monitor.map { Endpoint.worker(name.index, of: $0) }
      stages += watching(taps, outside: outside, name.rawValue)
    }
    switch name {
    case .tokenizer: stages.append(tokenizer(endpoints, store))
    case .inference:
      for worker in 0..<file.inference.workers {
        stages.append(
          inference(worker, endpoints, reply: file.sink.reply, store, shelf: shelf))
      }
    case .sink:
      stages += history(endpoints, store)
      stages.append(sink(.daemon, endpoints, store))
    }
    return stages
  }

  /// What publishes the taps of a process, and what it counts.
  private func watching(_ taps: TapFeed, outside: String?, _ process: String) -> [any Stage] {
    [
      TapRelay(
        feed: taps, outside: outside, page: file.http == nil ? nil : pageTaps,
        subscriptions: file.subscriptions),
      StatsStage(about: PipelineFacts(self, process: process), taps: taps),
    ]
  }

  /// What serves kept lines to readers who come late; nothing where none are kept, or nobody can ask.
  private func history(_ endpoints: StageEndpoints, _ store: StateStore?) -> [any Stage] {
    guard let taps = endpoints.taps, let store, file.store?.historyMilliseconds != nil else {
      return []
    }
    return [HistoryStage(taps: taps.endpoint, store: store)]
  }

  // MARK: One stage, joined to its neighbours at `endpoints`

  package func tokenizer(_ endpoints: StageEndpoints, _ store: StateStore?) -> TokenizerStage {
    TokenizerStage(
      encoding: encoding, format: format, workers: file.inference.workers,
      liveStreams: file.liveStreams, streams: file.streams,
      stateForm: StateForm(model.model.stateLayout),
      onFull: file.onFull, maxSteps: file.maxSteps, model: modelRecord,
      endpoints: endpoints, replies: file.sink.reply, store: store,
      checkpointMilliseconds: file.store?.checkpointMilliseconds ?? 0,
      parkMilliseconds: file.store?.parkMilliseconds,
      expireMilliseconds: file.expireMilliseconds, keep: file.keep,
      form: CheckpointForm(self, owner: checkpointOwner))
  }

  package func inference(
    _ worker: Int, _ endpoints: StageEndpoints, reply: Bool, _ store: StateStore?,
    shelf: ModelShelf? = nil
  ) -> InferenceStage {
    InferenceStage(
      worker: worker, shelf: shelf ?? ModelShelf(self),
      settings: InferenceStage.Settings(
        batch: file.inference.batch, linger: file.inference.linger, emit: file.emit,
        output: output, resetEvery: file.resetEvery, rewarmSteps: file.rewarmSteps, reply: reply,
        tellsTokens: encoding.isText, hasAlarm: alarm != nil),
      endpoints: endpoints, store: store,
      checkpointMilliseconds: file.store?.checkpointMilliseconds ?? 0,
      parkMilliseconds: file.store?.parkMilliseconds, liveStreams: file.liveStreams)
  }

  package func sink(
    _ scope: Scope, _ endpoints: StageEndpoints, _ store: StateStore?
  ) -> SinkStage {
    guard scope == .daemon else {
      return SinkStage(
        endpoints: endpoints, format: format, output: .none, publish: nil, publishFormat: .json,
        subscriptions: 0, alarm: nil, store: nil, historyMilliseconds: nil)
    }
    return SinkStage(
      endpoints: endpoints, format: format,
      output: file.sink.file.map { $0 == "-" ? .standardOutput : .file($0) } ?? .none,
      publish: file.sink.publish, publishFormat: file.sink.format,
      subscriptions: file.subscriptions, alarm: alarm, store: store,
      historyMilliseconds: file.store?.historyMilliseconds)
  }
}

/// The stages that can run in a process of their own.
package enum StageName: String, CaseIterable, Sendable {
  case tokenizer
  case inference
  case sink

  /// Its place among the tap endpoints of a pipeline in three processes.
  var index: Int {
    switch self {
    case .tokenizer: 0
    case .inference: 1
    case .sink: 2
    }
  }
}

extension LoadedModel {
  /// `sha256:` and 64 hexadecimal digits.
  package var hashText: String { "sha256:" + sha256Text }

  /// The hash's first 8 bytes, as answers carry them.
  var key: UInt64 { sha256.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}

extension Pipeline {
  /// What passes from stage to stage, for people: `text -> 5 one-hot -> 5 classes`.
  package var edges: String {
    let input =
      switch encoding {
      case .text: "text"
      case .ids(let bound): "token ids below \(bound)"
      case .values(let features): "vectors of \(features.inputWidth)"
      case .frames(let frame):
        "frames of \(frame.height) x \(frame.width) x \(frame.channels)"
      }
    let model = self.model.model
    return "\(input) -> \(model.layers.map(\.kindName).joined(separator: ", ")) -> "
      + "\(model.outputWidth) \(model.outputIsDistribution ? "classes" : "values")"
  }
}
