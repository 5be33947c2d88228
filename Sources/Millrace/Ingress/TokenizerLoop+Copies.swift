import Durability
import Recurrence
import Wire

/// `streams.export`, `streams.import`, `streams.fork` and `streams.peek`: a stream as a whole.
extension TokenizerLoop {
  /// Takes a stream as a whole; where that fails, or `then` refuses, whoever asked is told.
  private func whole(
    _ stream: IngressStream, for asker: ControlSocket.Asker,
    then: @escaping (StreamSnapshot) throws -> Void
  ) throws {
    try takeSnapshot(of: stream) { [unowned self] answer in
      switch answer {
      case .failure(let refusal): controlSocket?.refuse(refusal, to: asker)
      case .success(let snapshot):
        do {
          try then(snapshot)
        } catch let refusal as ControlRefusal {
          controlSocket?.refuse(refusal, to: asker)
        } catch let refused as RefusedMessage {
          controlSocket?.refuse(ControlRefusal(.busy, refused.refusal.message), to: asker)
        }
      }
    }
  }

  /// What files and shown states are like: those of the model that serves.
  private func form() throws(ControlRefusal) -> CheckpointForm {
    guard models.isSettled else {
      throw ControlRefusal(
        .busy, "no worker has said yet what the model that was swapped in is like; ask again")
    }
    return stage.form.of(model: models.series.current.hash, models.stateForm)
  }

  /// A stream stays on the model of its last message until its next one: its state is the serving
  /// model's as well where that only carries it on.
  private func checkModel(of stream: IngressStream) throws(ControlRefusal) {
    let series = models.series
    let (own, current) = (stream.generation, series.current)
    guard own != current.generation, stream.messages > 0 else { return }
    let goesOver = series.successor(of: own) == current.generation
    if goesOver, series.policy(from: own, to: current.generation) == .carry { return }
    throw ControlRefusal(
      .mismatch,
      "\(stream.id) is on the model \(series.record(of: own)?.hash ?? "before") until "
        + (goesOver ? "its next step" : "it ends")
        + ", and files are of \(current.hash), which was swapped in; ask again behind that")
  }

  // MARK: Files

  func export(_ request: ControlRequest, for asker: ControlSocket.Asker) throws {
    let id = try request.stream()
    let stream = try openStream(named: id)
    try checkModel(of: stream)
    let form = try form()
    let isHeld = try request.flag("hold")
    if isHeld { try hold(stream) }
    try takeSnapshot(of: stream) { [unowned self] answer in
      switch answer {
      case .failure(let refusal):
        if isHeld { try release(id) }
        controlSocket?.refuse(refusal, to: asker)
      case .success(let snapshot):
        var reply = ControlReply()
        reply.fields.put("stream", id.name)
        reply.fields.put("expected", snapshot.standing.expected)
        reply.fields.put("steps", snapshot.standing.nextStep)
        reply.attachment = CheckpointFile(
          stream: id.name, owner: form.owner, snapshot: naming(snapshot, in: form)
        ).bytes(rows: form.state.rows)
        controlSocket?.reply(reply, to: asker)
      }
    }
  }

  /// Has the last output of a snapshot name its model, where that is not the file's.
  ///
  /// The state may still be of the model before, which the last output then is of as well.
  private func naming(_ snapshot: StreamSnapshot, in form: CheckpointForm) -> StreamSnapshot {
    var snapshot = snapshot
    guard let checkpoint = snapshot.memory?.checkpoint, let last = checkpoint.last else {
      return snapshot
    }
    let own = last.model > 0 ? last.model : models.series.key(of: checkpoint.generation)
    snapshot.memory?.checkpoint.last?.model =
      own == ModelKey.key(of: form.owner.model) ? 0 : own
    return snapshot
  }

  func importFile(_ request: ControlRequest, for asker: ControlSocket.Asker) throws {
    guard !request.attachment.isEmpty else {
      throw ControlRefusal(
        .badFile,
        "no checkpoint file came with the request; expected what millrace streams export writes")
    }
    let form = try form()
    var content: CheckpointFile
    do {
      content = try form.read(request.attachment)
    } catch {
      if case .mismatch = error { throw ControlRefusal(.mismatch, "\(error)") }
      throw ControlRefusal(.badFile, "\(error)")
    }
    let name = try request.text("as") ?? content.stream
    guard let id = StreamID(name) else {
      throw ControlRefusal(.badRequest, "the stream's name is no name; say another with \"as\"")
    }
    try checkPlace(for: id, replaces: request.flag("replace"))
    try checkSize(content.snapshot)
    let generation = models.series.current.generation
    content.snapshot.standing.generation = generation
    content.snapshot.memory?.checkpoint.generation = generation
    let stream = try beginLife(from: content.snapshot, as: id, event: "imported")
    reply(copied(stream, with: ingressEndpoint), afterCommitTo: asker)
  }

  /// Whether a name is free for a copy.
  private func checkPlace(for id: StreamID, replaces: Bool) throws {
    guard held[id] == nil else {
      throw ControlRefusal(
        .busy, "\(id) is being moved away from this daemon, which cannot be its target")
    }
    guard !replaces, let there = try known(id), there.sequence.phase == .open else { return }
    throw ControlRefusal(
      .exists,
      "\(id) is open at \(there.sequence.expected); end it, choose another name, or replace it "
        + "(--replace)")
  }

  /// A worker takes no larger message.
  private func checkSize(_ snapshot: StreamSnapshot) throws(ControlRefusal) {
    let byteCount = snapshot.memory?.bytes.count ?? 0
    guard byteCount <= Limits.messageBytes - Limits.stateOverheadBytes else {
      throw ControlRefusal(
        .tooLarge,
        "the state has \(byteCount) bytes, which do not fit one message between stages of "
          + "\(Limits.messageBytes)")
    }
  }

  private func copied(_ stream: IngressStream, with ingress: String?) -> ControlReply {
    var reply = ControlReply()
    reply.fields.put("stream", stream.id.name)
    reply.fields.put("expected", stream.sequence.expected)
    reply.fields.put("steps", stream.nextStep)
    reply.fields.put("life", stream.life)
    if let ingress { reply.fields.put("ingress", ingress) }
    return reply
  }

  /// Where clients connect, with the port that the system chose.
  private var ingressEndpoint: String {
    let endpoint = stage.endpoints.ingress
    guard endpoint.hasSuffix(":*") || endpoint.hasSuffix(":0") else { return endpoint }
    return (try? link.socket.lastEndpoint) ?? endpoint  // why: the name in the file is still true
  }

  // MARK: Copies here

  func fork(_ request: ControlRequest, for asker: ControlSocket.Asker) throws {
    let stream = try openStream(named: request.stream())
    let copy = try request.stream("as")
    let replaces = try request.flag("replace")
    try checkPlace(for: copy, replaces: replaces)
    guard copy != stream.id else {
      throw ControlRefusal(.badRequest, "\(copy) cannot be a copy of itself")
    }
    try whole(stream, for: asker) { [unowned self] snapshot in
      // It may have begun meanwhile.
      try checkPlace(for: copy, replaces: replaces)
      try checkSize(snapshot)
      let stream = try beginLife(from: snapshot, as: copy, event: "forked")
      reply(copied(stream, with: nil), afterCommitTo: asker)
    }
  }

  func peek(_ request: ControlRequest, for asker: ControlSocket.Asker) throws {
    let id = try request.stream()
    let stream = try openStream(named: id)
    let withState = try request.flag("state")
    if withState { try checkModel(of: stream) }
    let form = withState ? try form() : stage.form
    guard !withState || form.stateCount <= Limits.shownStateFloats else {
      throw ControlRefusal(
        .tooLarge, "the state has \(form.stateCount) numbers; export it and read the file")
    }
    try whole(stream, for: asker) { [unowned self] snapshot in
      var reply = ControlReply()
      reply.fields.put("stream", id.name)
      reply.fields.put("expected", snapshot.standing.expected)
      reply.fields.put("steps", snapshot.standing.nextStep)
      let checkpoint = snapshot.memory?.checkpoint
      reply.fields.put("steps_since_reset", UInt64(checkpoint?.stepsSinceReset ?? 0))
      reply.fields.put("answer", json: newestAnswer(of: id, checkpoint) ?? "null")
      if withState { reply.fields.put("state", json: rows(of: checkpoint, form)) }
      controlSocket?.reply(reply, to: asker)
    }
  }

  /// The line of the newest output, or where answers are rarer than steps of the step that waits.
  ///
  /// Nil where none is known.
  private func newestAnswer(of id: StreamID, _ checkpoint: StreamCheckpoint?) -> String? {
    var answer = Header(kind: .answer)
    answer.count = 1
    var row: [Float] = []
    var token: [Int32] = []
    if let last = checkpoint?.last, checkpoint?.stepsSinceAnswer ?? 0 > 0 {
      answer.number = last.number
      row = last.row
      token = last.id.map { [$0] } ?? []
    } else if let stream = streams[id],
      let cached = cache.answers(of: stream, from: max(stream.nextAnswer, 1) - 1).last
    {
      let count = Int(cached.header.count)
      guard count > 0 else { return nil }
      answer.number = cached.header.end - 1
      row = cached.payload.suffix(cached.payload.count / count).withUnsafeBytes {
        [Float](copying: $0)
      }
      token = cached.ids.suffix(cached.ids.count / count).withUnsafeBytes {
        [Int32](copying: $0)
      }
    } else {
      return nil
    }
    var line: [UInt8] = []
    row.withUnsafeBufferPointer {
      stage.format.appendLine(
        stream: id, number: answer.number, token: token.first, row: $0, isEnd: false, to: &line)
    }
    return String(decoding: line.dropLast(), as: UTF8.self)
  }

  private func rows(of checkpoint: StreamCheckpoint?, _ form: CheckpointForm) -> String {
    var taken = 0
    var text: [UInt8] = Array("{".utf8)
    for (index, row) in form.state.rows.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      JSONText.append(row.name, to: &text)
      text += Array(":[".utf8)
      for place in 0..<row.width {
        if place > 0 { text.append(UInt8(ascii: ",")) }
        // Nothing has reached the worker: zeros.
        JSONText.append(checkpoint?.state[taken + place] ?? 0, to: &text)
      }
      taken += row.width
      text.append(UInt8(ascii: "]"))
    }
    return String(decoding: text + Array("}".utf8), as: UTF8.self)
  }
}
