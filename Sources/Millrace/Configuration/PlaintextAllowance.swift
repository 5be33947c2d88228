/// Where a pipeline file lets data leave the machine unencrypted, in words.
package struct PlaintextAllowance: Sendable, Equatable {
  package var endpoints: Set<EndpointUse> = []
  package var http = false

  /// Nowhere.
  package init() {}

  /// `allow-plaintext: true`, or a list of the endpoints.
  init(_ top: YAMLSection) throws(ConfigurationError) {
    let key = "allow-plaintext"
    guard top.has(key) else { return }
    if let names = try top.list(key) {
      endpoints = try EndpointUse.list(key, in: top, and: ["http"])
      http = names.contains("http")
    } else if try top.boolean(key) == true {
      endpoints = Set(EndpointUse.allCases)
      http = true
    }
  }
}
