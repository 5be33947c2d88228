import Durability
import Foundation
import Monitoring
import Recurrence
import Tokenization

extension PipelineFile {
  private static let topKeys = [
    "name", "ingress", "tokenizer", "model", "sha256", "decoder", "inference", "emit", "output",
    "anomaly", "labels", "top", "sink", "monitor", "control", "http", "traces", "links",
    "precision", "state", "limits", "allow-plaintext", "curve",
  ]

  /// Reads and checks a file's text; files that it names are not opened here.
  ///
  /// `settings` are `KEY=VALUE` in the place of what the file says: see `PipelineSettings`.
  ///
  /// - Throws: a `TextFile.Failure`, or a `ConfigurationError` naming file, line and key.
  package init(readingFrom path: String, settings: [String] = []) throws {
    let text = try TextFile(
      readingFrom: path, expecting: "a pipeline file (millrace init MODEL writes one)"
    ).text
    guard text.utf8.count <= Limits.pipelineFileBytes else {
      throw ConfigurationError(
        file: path,
        message: "has \(text.utf8.count) bytes, expected at most \(Limits.pipelineFileBytes)")
    }
    try self.init(text: text, path: path, settings: settings)
  }

  package init(
    text: String, path: String, settings: [String] = []
  ) throws(ConfigurationError) {
    let top = try YAMLSection.top(
      of: text, file: path, known: PipelineFile.topKeys, settings: PipelineSettings(settings))
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    func resolve(_ file: String) -> String {
      file.hasPrefix("/") ? file : folder.appendingPathComponent(file).standardizedFileURL.path
    }
    let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    let name = try top.text("name") ?? stem
    guard name.wholeMatch(of: /[A-Za-z0-9._-]{1,64}/) != nil else {
      throw top.error("name", "is \"\(name)\", expected 1 to 64 of A-Z a-z 0-9 . _ -")
    }
    self.path = path
    self.name = name
    model = resolve(try top.requiredText("model"))
    sha256 = try top.text("sha256")?.lowercased()
    if let sha256, sha256.wholeMatch(of: /[0-9a-f]{64}/) == nil {
      throw top.error(
        "sha256", "is \"\(sha256)\", expected 64 hexadecimal digits, as millrace model inspect says"
      )
    }
    ingress = try top.text("ingress") ?? Endpoint.defaultIngress(pipeline: name)
    tokenizer = TokenizerSection()
    if let section = try top.section("tokenizer", known: TokenizerSection.keys) {
      tokenizer = try TokenizerSection(section, resolve: resolve)
    }
    if let section = try top.section("decoder", known: DecoderSection.keys) {
      decoder = try DecoderSection(section, resolve: resolve)
    }
    if let section = try top.section("output", known: OutputSection.keys) {
      output = try OutputSection(section, resolve: resolve)
    }
    anomaly = try top.section("anomaly", known: AnomalySection.keys).map(AnomalySection.init)
    labels = try top.text("labels").map(resolve)
    self.top = try top.integer("top", in: 1...1000) ?? 3
    monitor = try top.text("monitor")
    control = try top.text("control") ?? Endpoint.defaultControl(pipeline: name, ingress: ingress)
    if control == "none" { control = nil }
    traces = try top.text("traces")
    plaintext = try PlaintextAllowance(top)
    if let section = try top.section("curve", known: CurveSection.keys) {
      curve = try CurveSection(section, resolve: resolve)
    }
    try readStages(top)
    for key in [
      "model", "sha256", "decoder", "emit", "labels", "tokenizer", "ingress", "monitor", "control",
      "sink", "links", "output", "anomaly", "http", "curve",
    ]
    where top.has(key) {
      marks[key] = top.error(key, "")
    }
    try checkEndpoints(top)
    try readHTTP(top)
  }

  /// Nothing encrypts HTTP or asks who reads: off loopback only where the file says so in words.
  private mutating func readHTTP(_ top: YAMLSection) throws(ConfigurationError) {
    guard let text = try top.text("http") else { return }
    guard let address = HTTPAddress(text) else {
      throw top.error("http", "is \"\(text)\", expected HOST:PORT with an address, or a PORT")
    }
    guard address.isLoopback || plaintext.http else {
      throw top.error(
        "http",
        "is off loopback (\(address.host)), where everyone may read all streams; "
          + "use 127.0.0.1:\(address.port) or say allow-plaintext: [http]")
    }
    http = address
  }

  private mutating func readStages(_ top: YAMLSection) throws(ConfigurationError) {
    if let section = try top.section("inference", known: ["workers", "batch", "linger"]) {
      inference.workers = try section.integer("workers", in: 1...64) ?? 1
      inference.batch = try section.integer("batch", in: 1...4096) ?? 64
      inference.linger = try section.integer("linger", in: 0...1_000_000) ?? 0
    }
    precision = try top.choice("precision", Precision.self) ?? .f32
    emit = try PipelineFile.emission(top)
    if let section = try top.section(
      "sink", known: ["publish", "format", "file", "reply", "values", "alarm"])
    {
      sink.publish = try section.text("publish")
      sink.format = try section.choice("format", SinkSection.Format.self) ?? .json
      sink.file = try section.text("file")
      sink.reply = try section.boolean("reply") ?? true
      sink.values = try section.boolean("values") ?? false
      sink.alarm = try section.section("alarm", known: AlarmRule.keys).map(AlarmRule.init)
    }
    if let section = try top.section(
      "links", known: ["tokens", "answers", "tokens-key", "answers-key"])
    {
      links = LinksSection(
        tokens: try section.requiredText("tokens"), answers: try section.requiredText("answers"),
        tokensKey: try CurveSection.publicKey("tokens-key", in: section),
        answersKey: try CurveSection.publicKey("answers-key", in: section))
    }
    if let section = try top.section("state", known: PipelineFile.stateKeys) {
      resetEvery = try section.integer("reset-every", in: 1...Int(Int32.max))
      rewarmSteps = try section.integer("rewarm", in: 0...Limits.rewarmBytes / 4) ?? 0
      expireMilliseconds = try section.milliseconds("expire-after", in: 10...(1 << 40))
      if let count = try section.integer("keep", in: 1...Limits.pastCheckpoints) {
        keep = KeepSection(
          count: count,
          everyMilliseconds: try section.milliseconds("checkpoint", in: 10...3_600_000) ?? 1000)
      }
      store = try PipelineFile.store(section)
    }
    if let section = try top.section(
      "limits",
      known: ["live-streams", "streams", "max-steps", "connections", "subscriptions", "on-full"])
    {
      onFull = try section.choice("on-full", OnFull.self) ?? .wait
      connections = try section.integer("connections", in: 1...65_536) ?? Limits.connections
      subscriptions =
        try section.integer("subscriptions", in: 1...1_000_000) ?? Limits.subscriptions
      liveStreams =
        try section.integer("live-streams", in: 1...10_000_000) ?? Limits.liveStreams
      if section.has("streams"), store == nil {
        throw section.error("streams", "needs state.store")
      }
      streams = try section.integer("streams", in: 1...1_000_000_000) ?? Limits.streams
      maxSteps = try section.integer("max-steps", in: 1...Int(Int32.max))
    }
  }

  private static let stateKeys = [
    "reset-every", "rewarm", "store", "durability", "checkpoint", "park-after", "history",
    "expire-after", "keep", "other-kernels",
  ]

  private static func store(
    _ section: YAMLSection
  ) throws(ConfigurationError) -> StoreSection? {
    let durability = try section.choice("durability", Durability.self)
    guard let path = try section.text("store") else {
      if let durability, durability != .none {
        throw section.error("durability", "is \(durability.rawValue), which needs state.store")
      }
      for key in ["park-after", "history", "other-kernels"] where section.has(key) {
        throw section.error(key, "needs state.store")
      }
      if section.has("checkpoint"), !section.has("keep") {
        throw section.error("checkpoint", "needs state.store or state.keep")
      }
      return nil
    }
    var store = StoreSection(path: path)
    store.durability = durability ?? .fsync
    guard store.durability != .none else {
      throw section.error("durability", "is none, but a store is named; leave one of them out")
    }
    store.checkpointMilliseconds =
      try section.milliseconds("checkpoint", in: 10...3_600_000) ?? 1000
    store.takesOtherKernels =
      try section.choice("other-kernels", OtherKernels.self) == .allow
    store.parkMilliseconds = try section.milliseconds("park-after", in: 10...(1 << 40))
    store.historyMilliseconds = try section.milliseconds("history", in: 1000...(1 << 40))
    return store
  }

  /// What becomes of states in bf16 that other step kernels have made.
  private enum OtherKernels: String, CaseIterable {
    case refuse
    case allow
  }

  /// `each-step`, `at-end`, `every: N` or `generate: ...`.
  private static func emission(_ top: YAMLSection) throws(ConfigurationError) -> Emission {
    guard top.has("emit") else { return .eachStep }
    if top.isMapping("emit"), let section = try top.section("emit", known: ["every", "generate"]) {
      if let generation = try section.section("generate", known: GenerationSection.keys) {
        guard !section.has("every") else {
          throw section.error("every", "and generate are both given; keep one")
        }
        return .generate(try GenerationSection(generation))
      }
      guard let count = try section.integer("every", in: 1...Int(Int32.max)) else {
        throw top.error("emit", "is an empty mapping, expected every: N or generate: { steps: N }")
      }
      return .every(count)
    }
    switch try top.text("emit") {
    case "each-step": return .eachStep
    case "at-end": return .atEnd
    case let other:
      if let count = other?.wholeMatch(of: /every: *([1-9][0-9]{0,8})/)?.output.1,
        let count = Int(count)
      {
        return .every(count)
      }
      throw top.error(
        "emit",
        "is \"\(other ?? "")\", expected each-step, at-end, { every: N } or { generate: ... }")
    }
  }

  /// An endpoint that a process of this pipeline binds.
  struct Binding {
    /// The top key that names it.
    let key: String
    /// For messages: `sink.publish`, `links.tokens of worker 1`.
    let use: String
    let endpoint: String
    let kind: EndpointUse
  }

  /// All of them, whether the stages run in one process or in three.
  var bindings: [Binding] {
    var bindings = [Binding(key: "ingress", use: "ingress", endpoint: ingress, kind: .ingress)]
    if let control {
      bindings.append(
        Binding(key: "control", use: "control", endpoint: control, kind: .control))
    }
    if let monitor {
      bindings.append(Binding(key: "monitor", use: "monitor", endpoint: monitor, kind: .monitor))
      for stage in StageName.allCases where links != nil && stage.index > 0 {
        bindings.append(
          Binding(
            key: "monitor", use: "monitor of stage \(stage.rawValue)",
            endpoint: Endpoint.worker(stage.index, of: monitor), kind: .monitor))
      }
    }
    if let publish = sink.publish {
      bindings.append(Binding(key: "sink", use: "sink.publish", endpoint: publish, kind: .publish))
    }
    guard let links else { return bindings }
    for worker in 0..<inference.workers {
      bindings.append(
        Binding(
          key: "links", use: worker == 0 ? "links.tokens" : "links.tokens of worker \(worker)",
          endpoint: Endpoint.worker(worker, of: links.tokens), kind: .links))
    }
    bindings.append(
      Binding(key: "links", use: "links.answers", endpoint: links.answers, kind: .links))
    return bindings
  }

  private func checkEndpoints(_ top: YAMLSection) throws(ConfigurationError) {
    var earlier: [Binding] = []
    for binding in bindings {
      let isAllowed =
        plaintext.endpoints.contains(binding.kind)
        || isEncrypted(binding.kind, at: binding.endpoint)
      if let reason = Endpoint.problem(with: binding.endpoint, allowPlaintext: isAllowed) {
        throw top.error(binding.key, reason)
      }
      if let other = earlier.first(where: { Endpoint.clash($0.endpoint, binding.endpoint) }) {
        throw top.error(
          binding.key,
          "has the endpoint \(binding.endpoint) (\(binding.use)), which is taken already: "
            + "\(other.use) is \(other.endpoint); give each its own")
      }
      earlier.append(binding)
    }
  }
}
