/// What a public key may be allowed to do.
package enum Permission: String, CaseIterable, Sendable {
  /// Send to the ingress, and get its answers.
  case send
  /// Subscribe to taps and to published output.
  case tap
  /// Use the control socket.
  case control
  /// Be the next stage of the pipeline, in a process of its own.
  case link
}
