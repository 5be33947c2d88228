import Foundation

/// ZeroMQ endpoints as a pipeline file names them.
package enum Endpoint {
  /// An ipc path longer than this does not fit `sun_path`.
  private static let ipcPathBytesMax = 107

  /// `ipc://$XDG_RUNTIME_DIR/millrace/NAME`, else a folder of the user in the temporary folder.
  package static func defaultIngress(pipeline: String) -> String {
    "ipc://\(defaultFolder)/\(pipeline)"
  }

  private static var defaultFolder: String {
    ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"].map { "\($0)/millrace" }
      ?? "\(FileManager.default.temporaryDirectory.path)/millrace-\(getuid())"
  }

  /// Beside an ipc ingress, `PATH.control`; for one over tcp, in the folder of default ingresses,
  /// `NAME-HOST-PORT.control`.
  ///
  /// Two daemons with ingresses of their own never meet there. Nil where that is not to be had: the
  /// system chooses the port, or the path would be too long.
  package static func defaultControl(pipeline: String, ingress: String) -> String? {
    let path: String
    if ingress.hasPrefix("ipc://") {
      path = "\(ingress.dropFirst(6)).control"
    } else if let (host, port) = tcp(ingress), port != "*", port != "0" {
      path = "\(defaultFolder)/\(pipeline)-\(host == "*" ? "0.0.0.0" : host)-\(port).control"
    } else {
      return nil
    }
    return path.utf8.count <= ipcPathBytesMax ? "ipc://\(path)" : nil
  }

  /// Why an endpoint cannot be used; nil when it can.
  package static func problem(with endpoint: String, allowPlaintext: Bool) -> String? {
    guard let separator = endpoint.range(of: "://") else {
      return "is \"\(endpoint)\", expected tcp://HOST:PORT, ipc://PATH or inproc://NAME"
    }
    let address = endpoint[separator.upperBound...]
    switch endpoint[..<separator.lowerBound] {
    case "inproc": return address.isEmpty ? "is \"inproc://\" without a name" : nil
    case "ipc":
      if address.isEmpty { return "is \"ipc://\" without a path" }
      return address.utf8.count > ipcPathBytesMax
        ? "has an ipc path of \(address.utf8.count) bytes, expected at most \(ipcPathBytesMax)"
        : nil
    case "tcp":
      guard let colon = address.lastIndex(of: ":"),
        address[address.index(after: colon)...] == "*"
          || UInt16(address[address.index(after: colon)...]) != nil
      else { return "is \"\(endpoint)\", expected tcp://HOST:PORT" }
      let host = address[..<colon]
      guard isLoopback(host) || allowPlaintext else {
        return "is off loopback (\(host)) and nothing encrypts it; "
          + "name keys (curve: { key: FILE, clients: FILE }), use 127.0.0.1 "
          + "or say allow-plaintext: true"
      }
      return nil
    default:
      return "is \"\(endpoint)\", expected tcp://HOST:PORT, ipc://PATH or inproc://NAME"
    }
  }

  /// Whether two sockets cannot both be bound: the same name, or the same port of one interface.
  package static func clash(_ first: String, _ second: String) -> Bool {
    guard let one = tcp(first), let other = tcp(second) else { return first == second }
    // The system chooses a free port each time.
    guard one.port == other.port, one.port != "*", one.port != "0" else { return false }
    let everywhere = ["*", "0.0.0.0", "[::]"]
    return one.host == other.host || everywhere.contains(one.host)
      || everywhere.contains(other.host)
  }

  private static func tcp(_ endpoint: String) -> (host: String, port: String)? {
    guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return nil }
    let host = endpoint[..<colon].dropFirst("tcp://".count)
    return (
      host == "localhost" ? "127.0.0.1" : String(host),
      String(endpoint[endpoint.index(after: colon)...])
    )
  }

  private static func isLoopback(_ host: Substring) -> Bool {
    host == "localhost" || host == "[::1]"
      || host.wholeMatch(of: /127(\.[0-9]{1,3}){3}/) != nil
  }

  /// The endpoint of worker `index` of several: the same for the first, `.1` or the next port for
  /// the second, and so on.
  package static func worker(_ index: Int, of endpoint: String) -> String {
    guard index > 0 else { return endpoint }
    guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":"),
      let port = Int(endpoint[endpoint.index(after: colon)...])
    else { return "\(endpoint).\(index)" }
    return "\(endpoint[...colon])\(port + index)"
  }

  /// Makes the folder of an ipc endpoint, open to its owner only.
  ///
  /// - Throws: a `FileFailure`.
  package static func makeFolder(for endpoint: String) throws(FileFailure) {
    guard endpoint.hasPrefix("ipc://") else { return }
    let folder = URL(fileURLWithPath: String(endpoint.dropFirst(6))).deletingLastPathComponent()
    guard !FileManager.default.fileExists(atPath: folder.path) else { return }
    do {
      try FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw FileFailure(
        "\(folder.path): the folder of \(endpoint) cannot be made: \(error.localizedDescription)")
    }
  }
}
