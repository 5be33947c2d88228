import Wire

/// What the tokenizer stage shows of itself: its counters, and the list of its streams.
extension TokenizerLoop {
  /// Once a turn.
  func count() {
    metrics.turns.add(1)
    metrics.streams.set(UInt64(streams.count))
    metrics.credit.set(workers.reduce(0) { $0 + $1.available })
    ingressMetrics.openStreams.set(UInt64(openStreams))
    ingressMetrics.connections.set(UInt64(link.connectionCount))
    ingressMetrics.cacheBytes.set(UInt64(cache.byteCount))
  }

  /// A message to a worker is covered: how long that took, and how many steps it had.
  func count(_ covered: UnderWay, of stream: IngressStream, at nanoseconds: UInt64) {
    metrics.steps.add(covered.endStep - covered.firstStep)
    models.steps(of: covered.generation, in: metrics).add(covered.endStep - covered.firstStep)
    if let parent = covered.parent {
      control.spans.keep(
        "millrace.answer", kind: .server, below: parent, from: covered.readNanoseconds,
        to: nanoseconds, stream: stream.id, number: covered.firstStep,
        steps: covered.endStep - covered.firstStep)
    }
    guard nanoseconds > covered.readNanoseconds else { return }
    metrics.duration.observe(nanoseconds: nanoseconds - covered.readNanoseconds)
  }

  /// Publishes the list of streams under `tap/tokenizer/streams/all/`, once a second while somebody
  /// subscribes to it.
  func listStreams() {
    let now = control.clock.milliseconds
    guard now >= nextListMilliseconds, let tap else { return }
    nextListMilliseconds = now + 1000
    guard tap.wantsStreams else {
      listedSteps = [:]
      return
    }
    // A bounded look: those that moved since the last list first.
    var moved: [(steps: UInt64, stream: IngressStream)] = []
    var listed: [StreamID: UInt64] = [:]
    for stream in streams.values.prefix(Limits.examinedStreams) {
      moved.append((stream.nextStep &- (listedSteps[stream.id] ?? 0), stream))
      listed[stream.id] = stream.nextStep
    }
    listedSteps = listed
    if moved.count > Limits.listedStreams { moved.sort { $0.steps > $1.steps } }
    var json = "{\"open\":\(openStreams),\"streams\":["
    for (index, entry) in moved.prefix(Limits.listedStreams).enumerated() {
      let stream = entry.stream
      json += index == 0 ? "[" : ",["
      json += "\"\(stream.id.name)\",\(stream.nextStep),\(stream.nextAnswer),\(stream.worker),"
      json += stream.sequence.phase == .open ? "1]" : "0]"
    }
    tap.publish(streams: json + "]}")
  }
}
