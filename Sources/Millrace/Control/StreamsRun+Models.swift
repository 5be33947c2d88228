import Wire

/// `millrace model swap` and `millrace model show`.
extension StreamsRun {
  /// Has a daemon go on with another model; returns once it serves, or throws what stands against it.
  ///
  /// `say` gets what people should know: that the daemon serves that model already.
  package func swapModel(
    to path: String, by policy: SwapPolicy, say: (String) -> Void
  ) async throws {
    var fields = ControlFields()
    fields.put("file", path)
    fields.put("policy", policy.rawValue)
    let answer = try await ask(.modelSwap, fields)
    guard let model = answer.text("model"), model == answer.text("before") else { return }
    switch policy {
    case .carry, .drain: say("it serves already: no stream goes over, and no shadow is left")
    case .reset, .rewarm: say("it serves already: its streams go on by \(policy.rawValue)")
    case .shadow: say("it serves already: nothing can differ; name another file")
    }
  }

  package func showModel() async throws { try await ask(.modelShow, ControlFields()) }
}
