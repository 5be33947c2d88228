import Wire

/// `millrace model swap` and `millrace model show`.
extension StreamsRun {
  /// Has a daemon go on with another model; returns once it serves, or throws what stands against it.
  package func swapModel(to path: String, by policy: SwapPolicy) async throws {
    var fields = ControlFields()
    fields.put("file", path)
    fields.put("policy", policy.rawValue)
    try await ask(.modelSwap, fields)
  }

  package func showModel() async throws { try await ask(.modelShow, ControlFields()) }
}
