import Logging
import Monitoring
import Synchronization
import ZeroMQ

/// Who may connect to the endpoints of a process, and with which keys it connects to others.
///
/// Shared by all stages of the process and the authenticator's thread. One that is made without a
/// pipeline guards nothing: filters open no endpoint.
package final class EndpointGuard: Sendable {
  /// Why a peer was not let in; the values are labels of a metric.
  enum Reason: String, CaseIterable {
    /// The key stands in no list.
    case unknownKey = "unknown-key"
    /// It does, but may not do this.
    case permission
    /// There were as many as may be.
    case connections
    /// It spoke no CURVE, or not for our key, or did not finish.
    case handshake
  }

  private struct State {
    var clients = ClientList()
    var paces: [EndpointUse: [Reason: LogPace]] = [:]
    var refused: [EndpointUse: [Reason: UInt64]] = [:]
  }

  private let file: PipelineFile?
  private let pair: CurveKeyPair?
  private let logger: Logger
  private let state: Mutex<State>

  /// Guards nothing.
  package init() {
    file = nil
    pair = nil
    logger = Logger(label: "millrace") { _ in SwiftLogNoOpLogHandler() }
    state = Mutex(State())
  }

  /// Reads the key and the list of clients that a pipeline file names.
  ///
  /// - Throws: a `ConfigurationError` for a file that needs a key and has none, or for a list that
  ///   is wrong; a `KeyFile.Failure`.
  package init(_ file: PipelineFile, logger: Logger) throws {
    self.file = file
    self.logger = logger
    pair = try file.ownPair()
    var state = State()
    state.clients = try EndpointGuard.clients(of: file, own: pair)
    self.state = Mutex(state)
  }

  private static func clients(
    of file: PipelineFile, own pair: CurveKeyPair?
  ) throws(ConfigurationError) -> ClientList {
    var list = ClientList()
    if let path = file.curve?.clients { list = try ClientList(readingFrom: path) }
    if let pair { list.add(own: pair.publicKey) }
    return list
  }

  /// Reads the list of clients again.
  ///
  /// Connections that stand are not looked at: a key that was taken out loses them with the next.
  ///
  /// - Throws: a `ConfigurationError`; the list that was read before stays.
  func reload() throws(ConfigurationError) {
    guard let file else { return }
    let list = try EndpointGuard.clients(of: file, own: pair)
    state.withLock { $0.clients = list }
  }

  /// The daemon's public key, where it has one.
  var publicKey: CurveKey? { pair?.publicKey }

  /// Connections at one kind of endpoint.
  var connectionsMax: Int { file?.connections ?? Limits.connections }

  // MARK: Sockets

  /// Readies a socket that is to be bound; inside the process nobody is asked.
  func protect(
    _ socket: borrowing Socket<some SocketKind>, as use: EndpointUse, at endpoint: String
  ) throws(ZeroMQError) {
    try socket.setHandshakeInterval(Limits.handshake)
    guard let file, !endpoint.hasPrefix("inproc://") else { return }
    guard let pair, file.isEncrypted(use, at: endpoint) else { return }
    try socket.setAuthenticationDomain(use.rawValue)
    try socket.setCurveServer(pair)
  }

  /// The keys for connecting to another process of this pipeline; nil where nothing is encrypted.
  ///
  /// `key` is that process's public key, where it is not our own.
  func linkKeys(
    to use: EndpointUse, at endpoint: String, key: CurveKey? = nil
  ) -> CurveClientKeys? {
    guard let file, let pair, file.isEncrypted(use, at: endpoint) else { return nil }
    return CurveClientKeys(pair: pair, server: key ?? pair.publicKey)
  }

  // MARK: Who comes in

  /// The authenticator's question.
  package func decide(_ request: AdmissionRequest) -> AdmissionRequest.Verdict {
    guard let use = EndpointUse(rawValue: request.domain), let key = request.key else {
      return .deny
    }
    guard let entry = state.withLock({ $0.clients.entries[key] }) else {
      refuse(request, at: use, .unknownKey, "not among the clients")
      return .deny
    }
    guard entry.permissions.contains(use.permission) else {
      let may = entry.permissions.map(\.rawValue).sorted().joined(separator: ",")
      let who = entry.name.isEmpty ? "" : "\(entry.name) "
      refuse(
        request, at: use, .permission, "\(who)may \(may), not \(use.permission.rawValue)")
      return .deny
    }
    return .admit
  }

  /// Counts a connection that came to nothing; it is logged where it was noticed.
  func count(_ reason: Reason, at use: EndpointUse) {
    state.withLock { $0.refused[use, default: [:]][reason, default: 0] += 1 }
  }

  private func refuse(
    _ request: AdmissionRequest, at use: EndpointUse, _ reason: Reason, _ words: String
  ) {
    let heldBack = state.withLock { state in
      state.refused[use, default: [:]][reason, default: 0] += 1
      return state.paces[use, default: [:]][reason, default: LogPace()].admit(
        milliseconds: MonotonicClock.milliseconds)
    }
    guard let heldBack else { return }
    var metadata: Logger.Metadata = [
      "endpoint": "\(use.rawValue)", "address": "\(request.address)", "reason": "\(words)",
    ]
    if let key = request.key { metadata["key"] = "\(key)" }
    if heldBack > 0 { metadata["others"] = "\(heldBack)" }
    logger.warning("not let in", metadata: metadata)
  }

  /// Makes `millrace_not_let_in_total`.
  func describe(in registry: MetricsRegistry) {
    guard file != nil else { return }
    for use in EndpointUse.allCases {
      for reason in Reason.allCases {
        registry.counter(
          "millrace_not_let_in_total", "Connections that were refused, by endpoint and reason.",
          [MetricLabel("endpoint", use.rawValue), MetricLabel("reason", reason.rawValue)]
        ) { [self] in Double(state.withLock { $0.refused[use]?[reason] ?? 0 }) }
      }
    }
  }
}
