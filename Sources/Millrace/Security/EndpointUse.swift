/// What an endpoint of a pipeline file is for; its name is the key that names the endpoint.
package enum EndpointUse: String, CaseIterable, Sendable {
  case ingress
  case monitor
  case publish = "sink.publish"
  case links
  case control

  /// What a peer must be allowed to do there.
  var permission: Permission {
    switch self {
    case .ingress: .send
    case .monitor, .publish: .tap
    case .links: .link
    case .control: .control
    }
  }
}
