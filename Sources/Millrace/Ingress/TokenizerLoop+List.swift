import Durability
import Wire

/// `streams.list` and `streams.show`.
extension TokenizerLoop {
  /// Replies a page a turn: first what is in memory, then what the store has beside it.
  func listAll(for asker: ControlSocket.Asker) {
    // The names alone: what each is is looked up when its turn comes.
    var names = Array(streams.keys)[...]
    // A stream that is parked meanwhile stands in both.
    var listed: Set<String> = []
    var last = ""
    controlTasks.append { [unowned self] in
      guard let socket = controlSocket, !socket.hasWaiting else { return false }
      var entries: [String] = []
      while entries.count < Limits.controlPage, let id = names.popFirst() {
        guard let stream = streams[id] else { continue }
        listed.insert(id.name)
        entries.append(facts(of: stream).object)
      }
      var hasMore = !names.isEmpty
      if !hasMore, let store = log?.store {
        let page = try store.standings(behind: last, limit: Limits.controlPage)
        for (name, standing) in page where !listed.contains(name) {
          entries.append(facts(of: name, standing).object)
        }
        hasMore = page.count == Limits.controlPage
        last = page.last?.stream ?? ""
      }
      var reply = ControlReply(hasMore: hasMore)
      reply.fields.put("streams", json: "[\(entries.joined(separator: ","))]")
      socket.reply(reply, to: asker)
      return !hasMore
    }
  }

  func show(_ request: ControlRequest) throws -> ControlReply {
    let id = try request.stream()
    var reply = ControlReply()
    let standing: StreamStanding
    if let stream = streams[id] {
      reply.fields = facts(of: stream)
      standing = stream.standing
    } else {
      // A look brings nothing into memory.
      standing = try stored(id)
      reply.fields = facts(of: id.name, standing)
    }
    reply.fields.put("first", standing.firstInput)
    reply.fields.put("sequence_first", standing.sequenceStart)
    reply.fields.put("messages", standing.messages)
    reply.fields.put("carry_bytes", standing.carry.count + standing.values.count)
    if !standing.movedTo.isEmpty { reply.fields.put("moved_to", standing.movedTo) }
    let kept = try keptNumbers(of: id).map(String.init)
    if stage.keep != nil { reply.fields.put("kept", json: "[\(kept.joined(separator: ","))]") }
    return reply
  }

  /// A stream that is not in memory.
  func stored(_ id: StreamID) throws -> StreamStanding {
    if let standing = try log?.store.standing(of: id.name) { return standing }
    throw ControlRefusal(.noStream, "there is no stream \(id); streams list names them")
  }

  private func phase(of stream: IngressStream) -> String {
    if held[stream.id] != nil { return "held" }
    if !stream.movedTo.isEmpty { return "moved" }
    return stream.sequence.phase == .open ? "open" : "ended"
  }

  private func facts(of stream: IngressStream) -> ControlFields {
    var fields = ControlFields()
    fields.put("stream", stream.id.name)
    fields.put("phase", phase(of: stream))
    fields.put("expected", stream.sequence.expected)
    fields.put("steps", stream.nextStep)
    fields.put("answers", stream.nextAnswer)
    fields.put("epoch", stream.sequence.epoch)
    fields.put("worker", stream.worker)
    fields.put("under_way", stream.underWay.count)
    if log != nil || stage.expireMilliseconds != nil {
      let now = control.clock.milliseconds
      fields.put("idle_ms", now - min(now, stream.usedMilliseconds))
    }
    return fields
  }

  private func facts(of name: String, _ standing: StreamStanding) -> ControlFields {
    var fields = ControlFields()
    fields.put("stream", name)
    fields.put(
      "phase", !standing.movedTo.isEmpty ? "moved" : standing.isClosed ? "ended" : "parked")
    fields.put("expected", standing.expected)
    fields.put("steps", standing.nextStep)
    fields.put("answers", standing.nextAnswer)
    fields.put("epoch", standing.epoch)
    return fields
  }
}
