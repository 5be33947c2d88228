import Durability
import Foundation
import Glibc
import Wire
import Yams
import ZeroMQ

/// What one pipeline file needs: its files, its endpoints, room for its streams.
struct PipelineExamination {
  private let path: String

  /// How long a daemon may take to welcome us.
  private static let welcomeMilliseconds: UInt64 = 1000

  init(_ path: String) { self.path = path }

  func findings() -> [Finding] {
    let name = URL(fileURLWithPath: path).lastPathComponent
    do {
      let file = try PipelineFile(readingFrom: path)
      let pipeline = try PipelineBuilder(file).build()
      var findings: [Finding] = [.ok(name, pipeline.edges)]
      findings += pipeline.warnings.map {
        .warning(name, $0, "look at the tokenizer and the vocabulary")
      }
      findings.append(contentsOf: outputs(of: file))
      findings.append(workers(of: file))
      findings.append(room(for: pipeline))
      findings += endpoints(of: file)
      if let store = try storePath() {
        findings.append(Doctor.store(at: store))
        findings += swappedModel(in: store, of: pipeline)
      }
      return findings
    } catch {
      return [.problem(name, "\(error)", "millrace check \(path) says it again once it is mended")]
    }
  }

  // MARK: Files

  private func outputs(of file: PipelineFile) -> [Finding] {
    guard let sink = file.sink.file, sink != "-" else { return [] }
    do {
      try file.checkOutput()
      return [.ok("sink.file", "\(sink) may be written to")]
    } catch {
      return [
        .problem("sink.file", "\(error)", "name a file in a folder that this user may write to")
      ]
    }
  }

  /// Where the file keeps its state: `state.store`, relative to the working folder.
  private func storePath() throws -> String? {
    let text = try TextFile(readingFrom: path, expecting: "a pipeline file").text
    return try Yams.compose(yaml: text)?["state"]?["store"]?.string
  }

  private func swappedModel(in store: String, of pipeline: Pipeline) -> [Finding] {
    let opened = try? StoreInspection(path: store)  // why: that has a finding of its own
    guard let inspection = opened else { return [] }
    let finding = SwappedModel.finding(
      inspection.models, namedBy: pipeline.file, hash: pipeline.model.hashText)
    return finding.map { [$0] } ?? []
  }

  // MARK: Room

  private func workers(of file: PipelineFile) -> Finding {
    let check = "workers"
    let processors = ProcessInfo.processInfo.activeProcessorCount
    let found = "\(file.inference.workers) on \(processors) processors"
    guard file.inference.workers <= processors else {
      return .warning(
        check, found,
        "more workers than processors wait for each other: inference.workers: \(processors)")
    }
    return .ok(check, found)
  }

  private func room(for pipeline: Pipeline) -> Finding {
    let check = "state"
    let bytes = UInt64(pipeline.model.model.makeState().floats.count * 4)
    let streams = UInt64(pipeline.file.liveStreams)
    let needed = bytes * streams
    let found =
      "\(Quantity.bytes(bytes)) a stream, \(Quantity.bytes(needed)) for \(streams) streams"
    let available = (MachineExamination.fields(of: "/proc/meminfo")["MemAvailable"] ?? 0) * 1024
    guard available == 0 || needed < available / 2 else {
      return .warning(
        check, "\(found), of \(Quantity.bytes(available)) that are free",
        "lower limits.live-streams, or add memory")
    }
    return .ok(check, found)
  }

  // MARK: Endpoints

  private func endpoints(of file: PipelineFile) -> [Finding] {
    let isServed = isServed(file.ingress)
    var findings: [Finding] = []
    for binding in file.bindings {
      if let folder = ipcFolder(of: binding.endpoint) { findings.append(folder) }
      findings.append(endpoint(binding.endpoint, use: binding.use, isServed: isServed))
    }
    if let http = file.http {
      findings.append(
        endpoint("tcp://\(http.host):\(http.port)", use: "http", isServed: isServed))
    }
    return findings
  }

  /// Whether a daemon of ours answers at an ingress.
  private func isServed(_ ingress: String) -> Bool {
    guard isTaken(ingress) == true else { return false }
    do {
      let link = try LinkSender(context: try Context(), clock: .monotonic, endpoint: ingress)
      try link.socket.setLinger(.zero)
      try link.sendHello()
      var poller = Poller()
      poller.add(link.socket)
      let began = MonotonicClock.milliseconds
      while !link.isWelcome,
        MonotonicClock.milliseconds - began < PipelineExamination.welcomeMilliseconds
      {
        _ = try poller.wait(timeout: .milliseconds(50))
        _ = try link.receive(limit: 8) { _ in }
      }
      return link.isWelcome
    } catch {
      return false
    }
  }

  private func endpoint(_ endpoint: String, use: String, isServed: Bool) -> Finding {
    switch isTaken(endpoint) {
    case nil:
      return .problem(
        use, "\(endpoint) cannot be used: \(String(cString: strerror(errno)))",
        "name an address of this machine and a port above 1023")
    case false?: return .ok(use, "\(endpoint) is free")
    case true? where isServed: return .ok(use, "\(endpoint) is served by a running daemon")
    case true?:
      return .problem(
        use, "\(endpoint) is taken by another process",
        "stop it (ss -lxtp names it), or give the pipeline another endpoint")
    }
  }

  /// Whether something listens at an endpoint; nil where nobody could, with `errno`.
  private func isTaken(_ endpoint: String) -> Bool? {
    endpoint.hasPrefix("ipc://")
      ? isTaken(path: String(endpoint.dropFirst("ipc://".count)))
      : isTaken(address: String(endpoint.dropFirst("tcp://".count)))
  }

  private func isTaken(path: String) -> Bool? {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    // A file that nobody listens at is what a daemon that was killed leaves behind.
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
    }
    if status != 0, errno == EACCES || errno == EPERM { return nil }
    return status == 0
  }

  private func isTaken(address: String) -> Bool? {
    guard let colon = address.lastIndex(of: ":") else { return nil }
    var host = address[..<colon].trimmingCharacters(in: ["[", "]"])
    let port = String(address[address.index(after: colon)...])
    if host == "*" { host = "0.0.0.0" }
    // The system chooses one.
    if port == "*" || port == "0" { return false }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, port, &hints, &found) == 0, let found else {
      errno = EADDRNOTAVAIL
      return nil
    }
    defer { freeaddrinfo(found) }
    let info = found.pointee
    let descriptor = socket(info.ai_family, info.ai_socktype, info.ai_protocol)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // As libzmq binds: a port whose last connections are still closing is free.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, info.ai_addr, info.ai_addrlen) != 0 else { return false }
    return errno == EADDRINUSE ? true : nil
  }

  /// Who may connect to an ipc endpoint is who may enter its folder and write to its socket.
  private func ipcFolder(of endpoint: String) -> Finding? {
    guard endpoint.hasPrefix("ipc://") else { return nil }
    let socket = String(endpoint.dropFirst("ipc://".count))
    let folder = URL(fileURLWithPath: socket).deletingLastPathComponent().path
    var status = stat()
    // The daemon makes it, for its owner alone.
    guard stat(folder, &status) == 0 else { return nil }
    guard access(folder, W_OK) == 0 else {
      return .problem(
        "ipc folder", "\(folder) may not be written to",
        "let the daemon's user write there, or name another folder")
    }
    guard status.st_mode & 0o001 != 0 else { return nil }
    let mask = umask(0)
    umask(mask)
    // A socket that is not there yet gets the mask of who starts the daemon.
    let isOpen = stat(socket, &status) == 0 ? status.st_mode & 0o002 != 0 : mask & 0o002 == 0
    guard isOpen else { return nil }
    return .warning(
      "ipc folder", "\(folder) may be entered by everyone, and \(socket) written to",
      "everyone may send and listen: chmod 700 \(folder), or 750 for a group")
  }
}
