import Wire

/// What the control socket asks of the tokenizer stage, which knows all streams.
extension TokenizerLoop {
  /// Once a turn: takes a few requests, and goes on a little with what takes longer.
  func answerControl() throws {
    guard let socket = controlSocket else { return }
    try socket.receive { request, asker throws(ControlRefusal) in
      if isStopping { throw ControlRefusal(.stopping, "the daemon is stopping") }
      if let reply = try answer(request, asker) { socket.reply(reply, to: asker) }
    }
    guard !controlTasks.isEmpty else { return }
    let tasks = controlTasks
    controlTasks = []
    // A task may begin another one.
    controlTasks += try tasks.filter { try !$0() }
  }

  /// Whether a turn is to come soon though nothing may arrive.
  var hasControlWork: Bool { !controlTasks.isEmpty || controlSocket?.hasWaiting ?? false }

  /// The reply to a request; nil where it comes later.
  private func answer(
    _ request: ControlRequest, _ asker: ControlSocket.Asker
  ) throws(ControlRefusal) -> ControlReply? {
    switch request.verb {
    case .streamsList:
      listAll(for: asker)
      return nil
    case .streamsShow: return try show(request)
    case .modelShow: return showModels()
    case .modelSwap:
      try swapModel(request, for: asker)
      return nil
    }
  }

  /// A stream by its name, in memory or parked.
  ///
  /// - Throws: `no-stream`, or `busy` where there is no room to bring it into memory.
  func stream(
    named id: StreamID
  ) throws(ControlRefusal) -> IngressStream {
    let found: IngressStream?
    do {
      found = try known(id)
    } catch let refused as RefusedMessage {
      throw ControlRefusal(.busy, refused.refusal.message)
    } catch {
      throw ControlRefusal(.busy, "the store cannot be read: \(error)")
    }
    guard let found else {
      throw ControlRefusal(.noStream, "there is no stream \(id); streams list names them")
    }
    return found
  }
}
