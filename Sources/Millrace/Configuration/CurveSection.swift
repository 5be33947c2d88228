import ZeroMQ

/// CURVE as a pipeline file says it: files with keys, never keys that are secret.
package struct CurveSection: Sendable, Equatable {
  static let keys = ["key", "clients", "server-key", "endpoints"]

  /// The daemon's key pair file, or `credential:NAME`.
  package var key: String?
  /// Which public keys may do what.
  package var clients: String?
  /// The daemon's public key, for clients that read this file.
  package var serverKey: CurveKey?
  /// Which endpoints are encrypted; nil for all over tcp.
  package var endpoints: Set<EndpointUse>?

  init(
    _ section: YAMLSection, resolve: (String) -> String
  ) throws(ConfigurationError) {
    if let text = try section.text("key") {
      guard CurveKey(text) == nil else {
        throw section.error(
          "key", "holds a key itself; name its file (millrace keygen FILE makes one)")
      }
      key = text.hasPrefix("credential:") ? text : resolve(text)
    }
    clients = try section.text("clients").map(resolve)
    serverKey = try CurveSection.publicKey("server-key", in: section)
    guard key != nil || serverKey != nil else {
      throw section.error("key", "is missing: name the daemon's key pair file")
    }
    if section.has("endpoints") { endpoints = try EndpointUse.list("endpoints", in: section) }
  }

  /// A public key, which stands in the file as it is: `$` and `{` are characters of it.
  static func publicKey(
    _ name: String, in section: YAMLSection
  ) throws(ConfigurationError) -> CurveKey? {
    guard let text = section.plainText(name) else { return nil }
    guard let key = CurveKey(text) else {
      throw section.error(
        name, "is \"\(text)\", expected a public key of 40 characters in quotes (millrace keygen)")
    }
    return key
  }
}

extension EndpointUse {
  /// A list of names of endpoints.
  static func list(
    _ key: String, in section: YAMLSection, and others: [String] = []
  ) throws(ConfigurationError) -> Set<EndpointUse> {
    let names = allCases.map(\.rawValue) + others
    var uses: Set<EndpointUse> = []
    let list: [String]
    if let several = try section.list(key) {
      list = several
    } else {
      list = [try section.text(key) ?? ""]
    }
    for name in list where !others.contains(name) {
      guard let use = EndpointUse(rawValue: name) else {
        let near = NearestName.of(name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
        throw section.error(
          key, "holds \"\(name)\", expected some of \(names.joined(separator: ", "))\(near)")
      }
      uses.insert(use)
    }
    return uses
  }
}
