import Durability
import Wire

/// `model.swap` and `model.show` of the control socket.
extension TokenizerLoop {
  /// Has a model swapped in; the reply comes once it serves, or what stands against it.
  func swapModel(
    _ request: ControlRequest, for asker: ControlSocket.Asker
  ) throws(ControlRefusal) {
    guard let path = try request.text("file") else {
      throw ControlRefusal(
        .badRequest, "model.swap needs \"file\", a model file as this daemon finds it")
    }
    guard path.hasPrefix("/") else {
      throw ControlRefusal(
        .badRequest, "\"file\" is \(JSONText.quoted(path)), expected a path that begins with /")
    }
    let word = try request.text("policy")
    guard let policy = word.flatMap(SwapPolicy.init(rawValue:)) else {
      let known = SwapPolicy.allCases.map(\.rawValue).joined(separator: ", ")
      throw ControlRefusal(
        .badRequest,
        "\"policy\" is \(word.map(JSONText.quoted) ?? "missing"), expected one of \(known)")
    }
    // From a task, so that a link that fails ends the stage.
    controlTasks.append { [unowned self] in
      try swapModel(to: path, by: policy) { [unowned self] result in
        switch result {
        case .success(let outcome): controlSocket?.reply(reply(outcome), to: asker)
        case .failure(let refusal):
          let code: ControlRefusal.Code = refusal.isMissing ? .noFile : .modelRefused
          controlSocket?.refuse(ControlRefusal(code, "\(refusal)"), to: asker)
        }
      }
      return true
    }
  }

  private func reply(_ outcome: SwapOutcome) -> ControlReply {
    var reply = ControlReply()
    reply.fields.put("model", outcome.model.hash)
    reply.fields.put("policy", outcome.model.policy)
    reply.fields.put("before", outcome.before.hash)
    reply.fields.put("file", outcome.model.path)
    reply.fields.put("streams", outcome.openStreams)
    return reply
  }

  /// What serves, which models are held beside it, and how a shadow's answers differ.
  func showModels() -> ControlReply {
    var reply = ControlReply()
    let current = models.series.current
    reply.fields.put("model", current.hash)
    reply.fields.put("file", current.path)
    if !current.policy.isEmpty { reply.fields.put("policy", current.policy) }
    let older = models.series.held.filter { $0.generation != current.generation }
    if !older.isEmpty {
      reply.fields.put("held", json: "[\(older.map(TokenizerLoop.fields).joined(separator: ","))]")
    }
    if let swap = models.underWay {
      reply.fields.put("reading", swap.candidate.path)
    }
    if let shadow = models.shadow {
      let report = models.reports.values.reduce(ShadowReport(), +)
      var fields = ControlFields()
      fields.put("model", shadow.hash)
      fields.put("file", shadow.path)
      fields.put("steps", report.steps)
      fields.put("labels_differ", report.labelsDiffer)
      fields.put("largest", json: "\(report.largestDifference)")
      fields.put("mean", json: "\(report.meanDifference)")
      reply.fields.put("shadow", json: fields.object)
    }
    return reply
  }

  private static func fields(of record: ModelRecord) -> String {
    var fields = ControlFields()
    fields.put("model", record.hash)
    fields.put("file", record.path)
    return fields.object
  }
}
