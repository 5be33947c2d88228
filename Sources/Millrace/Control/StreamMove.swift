import Wire
import ZeroMQ

/// `millrace streams move`: a live stream from one daemon to another while its sender goes on.
///
/// The daemon that has it keeps what comes for it meanwhile. Whoever asks carries the state across, so
/// that no daemon connects to anything that it is told of.
package struct StreamMove: Sendable {
  /// Why the stream is where it is.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
    /// Whether asking again may help.
    package let isPassing: Bool
  }

  private let streams: StreamsRun
  private let target: String
  private let targetKeys: CurveClientKeys?
  private let ingress: String?
  private let replaces: Bool

  /// - Parameters:
  ///   - streams: the daemon that has the stream.
  ///   - target: the control socket of the one that it goes to.
  ///   - targetKeys: where that one is encrypted.
  ///   - ingress: where clients find the target, if not where it says.
  ///   - replaces: whether a stream of that name that is open there is to be replaced.
  package init(
    from streams: StreamsRun, to target: String, targetKeys: CurveClientKeys?, ingress: String?,
    replaces: Bool
  ) {
    self.streams = streams
    self.target = target
    self.targetKeys = targetKeys
    self.ingress = ingress
    self.replaces = replaces
  }

  /// - Throws: `ControlAnswer.Refused` or a `Filter.Failure` where nothing was begun; else a `Failure`
  ///   that says where the stream is.
  package func run(_ stream: StreamID) async throws {
    try await streams.asking { source in
      let there = try ControlClient(context: try Context(), endpoint: target, keys: targetKeys)
      var naming = ControlFields()
      naming.put("stream", stream.name)
      // Before anything waits for it, whether anybody is there at all.
      do { _ = try there.ask(.streamsShow, naming) } catch is ControlAnswer.Refused {}
      var held = naming
      held.put("hold", true)
      let file = try source.ask(.streamsExport, held).attachment
      let copy: ControlAnswer
      do {
        var fields = ControlFields()
        if replaces { fields.put("replace", true) }
        copy = try there.ask(.streamsImport, fields, attachment: file)
      } catch {
        _ = try? source.ask(.streamsRelease, naming)  // why: unheard, it goes on by itself
        throw Failure(
          description: "\(stream) stays where it is: \(error)",
          isPassing: ExitStatus(error) == .unreachable)
      }
      try finish(stream, copy, naming, source, there)
    }
  }

  private func finish(
    _ stream: StreamID, _ copy: ControlAnswer, _ naming: ControlFields, _ source: ControlClient,
    _ there: ControlClient
  ) throws {
    let ingress: String
    do {
      ingress = try reachableIngress(copy)
    } catch {
      _ = try? source.ask(.streamsRelease, naming)  // why: unheard, it goes on by itself
      _ = try? there.ask(.streamsDiscard, discarding(copy, naming))  // why: nobody knows the copy
      throw error
    }
    var moved = naming
    moved.put("to", ingress)
    do {
      let answer = try source.ask(.streamsMoved, moved)
      var fields = ControlFields()
      fields.put("stream", stream.name)
      fields.put("expected", json: answer.text("expected") ?? "null")
      fields.put("moved_to", ingress)
      try streams.tell(ControlAnswer(fields))
    } catch let refused as ControlAnswer.Refused {
      _ = try? there.ask(.streamsDiscard, discarding(copy, naming))  // why: nobody knows the copy
      throw Failure(
        description: "\(stream) stays where it is: \(refused.message)", isPassing: true)
    } catch {
      throw Failure(
        description: "\(error); \(stream) may have moved: ask both daemons with streams show, and "
          + "move it again with --replace where it is still open here", isPassing: true)
    }
  }

  private func discarding(_ copy: ControlAnswer, _ naming: ControlFields) -> ControlFields {
    var fields = naming
    for key in ["life", "expected"] { fields.put(key, json: copy.text(key) ?? "0") }
    return fields
  }

  /// Where clients connect: a daemon that listens everywhere is where its control socket is.
  private func reachableIngress(_ copy: ControlAnswer) throws -> String {
    if let ingress { return ingress }
    let told = copy.text("ingress") ?? ""
    guard told.hasPrefix("tcp://*:") || told.hasPrefix("tcp://0.0.0.0:") else { return told }
    guard target.hasPrefix("tcp://"), let end = target.lastIndex(of: ":"),
      let port = told.lastIndex(of: ":")
    else {
      throw Failure(
        description:
          "the other daemon listens at \(told), which says no address; say where clients "
          + "find it with --ingress", isPassing: false)
    }
    return String(target[..<end] + told[port...])
  }
}
