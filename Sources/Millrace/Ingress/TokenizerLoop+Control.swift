import Wire

/// What the control socket asks of the tokenizer stage, which knows all streams.
extension TokenizerLoop {
  /// Once a turn: takes a few requests, and goes on a little with what takes longer.
  func answerControl() throws {
    guard let socket = controlSocket else { return }
    try socket.receive { request, asker in
      guard !isStopping else { throw ControlRefusal(.stopping, "the daemon is stopping") }
      do {
        try answer(request, asker)
      } catch let refused as RefusedMessage {
        // Of a stream that is not in memory, and finds no room there.
        throw ControlRefusal(.busy, refused.refusal.message)
      }
    }
    guard !controlTasks.isEmpty else { return }
    let tasks = controlTasks
    controlTasks = []
    // A task may begin another one.
    let unfinished = try tasks.filter { try !$0() }
    controlTasks += unfinished
  }

  /// Whether a turn is to come soon though nothing may arrive.
  var hasControlWork: Bool {
    !controlTasks.isEmpty || !keepRound.isEmpty || controlSocket?.hasWaiting ?? false
  }

  /// Answers a request, now or later.
  private func answer(_ request: ControlRequest, _ asker: ControlSocket.Asker) throws {
    switch request.verb {
    case .streamsList: listAll(for: asker)
    case .streamsShow: controlSocket?.reply(try show(request), to: asker)
    case .streamsPeek: try peek(request, for: asker)
    case .streamsExport: try export(request, for: asker)
    case .streamsImport: try importFile(request, for: asker)
    case .streamsFork: try fork(request, for: asker)
    case .streamsReset: try reset(request, for: asker)
    case .streamsRewind: try rewind(request, for: asker)
    case .streamsPark: try park(request, for: asker)
    case .streamsMoved: try moved(request, for: asker)
    case .streamsRelease: controlSocket?.reply(try release(request), to: asker)
    case .streamsDiscard: try discard(request, for: asker)
    case .modelShow: controlSocket?.reply(showModels(), to: asker)
    case .modelSwap: try swapModel(request, for: asker)
    }
  }

  /// A stream that is open here, brought into memory where it was parked.
  ///
  /// - Throws: `no-stream` or `moved`; a `RefusedMessage` where there is no room for it.
  func openStream(named id: StreamID) throws -> IngressStream {
    guard let stream = try known(id) else {
      throw ControlRefusal(.noStream, "there is no stream \(id); streams list names them")
    }
    guard stream.movedTo.isEmpty else {
      throw ControlRefusal(.moved, "\(id) has moved to \(stream.movedTo); ask there")
    }
    guard stream.sequence.phase == .open else {
      throw ControlRefusal(.noStream, "\(id) has ended; there is nothing left of it")
    }
    return stream
  }
}
