import ZeroMQ

extension PipelineFile {
  /// Whether an endpoint of this use is to be encrypted.
  package func isEncrypted(_ use: EndpointUse, at endpoint: String) -> Bool {
    guard let curve, !endpoint.hasPrefix("inproc://") else { return false }
    return curve.endpoints?.contains(use) ?? endpoint.hasPrefix("tcp://")
  }

  /// Endpoints that others can listen in on, which the file allows in words.
  var unencryptedOffLoopback: [String] {
    bindings.filter {
      !isEncrypted($0.kind, at: $0.endpoint)
        && Endpoint.problem(with: $0.endpoint, allowPlaintext: false) != nil
    }.map(\.use) + (http?.isLoopback == false ? ["http"] : [])
  }

  /// The pair of the processes of this pipeline; nil where the file has no `curve`.
  ///
  /// - Throws: a `ConfigurationError` where it names no key pair, or another than `server-key`; a
  ///   `KeyFile.Failure`.
  package func ownPair() throws -> CurveKeyPair? {
    guard let curve else { return nil }
    guard let path = curve.key else {
      throw error(at: "curve", "has no key, which a daemon needs: name its key pair file")
    }
    let pair = try KeyFile.read(path)
    // Each stage that runs alone may have a key of its own; clients come to the tokenizer's.
    if let serverKey = curve.serverKey, serverKey != pair.publicKey, links == nil {
      throw error(
        at: "curve",
        "has the server-key \(serverKey), but the key file's public key is \(pair.publicKey)")
    }
    return pair
  }

  /// Reads the key files and the list of clients, as the daemon will.
  ///
  /// - Throws: what `EndpointGuard` throws; nothing where the file has no key.
  package func checkKeys() throws {
    guard let curve else { return }
    if curve.key != nil { _ = try ownPair() }
    if let clients = curve.clients { _ = try ClientList(readingFrom: clients) }
  }

  /// The keys for a client of a running daemon; nil where the endpoint is not encrypted.
  ///
  /// - Parameters:
  ///   - use: what is connected to.
  ///   - endpoint: where.
  ///   - clientKey: the client's key pair file; by default the pipeline's own, where it can be read.
  ///   - serverKey: the daemon's public key, or a file with it; by default the file's `server-key`.
  /// - Returns: the client's pair and the daemon's public key.
  /// - Throws: a `KeyFile.Failure` that says which key is missing.
  package func clientKeys(
    for use: EndpointUse, at endpoint: String, clientKey: String?, serverKey: String?
  ) throws -> CurveClientKeys? {
    guard clientKey != nil || serverKey != nil || isEncrypted(use, at: endpoint) else { return nil }
    func own(for option: String) throws(KeyFile.Failure) -> CurveKeyPair {
      guard let path = curve?.key else {
        throw KeyFile.Failure(
          description: "\(endpoint) takes encrypted connections only; name \(option)")
      }
      do {
        return try KeyFile.read(path)
      } catch {
        throw KeyFile.Failure(
          description: "\(endpoint) takes encrypted connections only; name \(option), since the "
            + "daemon's own key cannot be used: \(error)")
      }
    }
    let pair =
      try clientKey.map(KeyFile.read)
      ?? own(for: "your key pair with --client-key FILE (millrace keygen FILE makes one)")
    let server =
      try serverKey.map(KeyFile.publicKey) ?? curve?.serverKey
      ?? own(for: "the daemon's public key with --server-key KEY").publicKey
    return CurveClientKeys(pair: pair, server: server)
  }
}
