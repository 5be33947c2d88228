/// Where the daemon serves HTTP: `127.0.0.1:9090`, `[::1]:9090`, or a port alone.
package struct HTTPAddress: Sendable, Equatable, CustomStringConvertible {
  package let host: String
  /// 0 lets the system choose.
  package var port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Nil for what is no address; a port alone is on loopback.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else {
      guard let port = UInt16(text) else { return nil }
      self.init(host: "127.0.0.1", port: port)
      return
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard let port = UInt16(text[text.index(after: colon)...]), !host.isEmpty,
      host.allSatisfy({ $0.isHexDigit || ".:".contains($0) }) || host == "localhost"
    else { return nil }
    self.init(host: host == "localhost" ? "127.0.0.1" : String(host), port: port)
  }

  package var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  package var isLoopback: Bool { Self.isLoopback(host) }

  static func isLoopback(_ host: some StringProtocol) -> Bool {
    host == "localhost" || host == "::1" || host == "[::1]"
      || String(host).wholeMatch(of: /127(\.[0-9]{1,3}){3}/) != nil
  }
}
