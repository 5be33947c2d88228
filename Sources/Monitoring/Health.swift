import Synchronization

/// Whether the daemon takes data, and whether its stages move: for `/readyz` and `/healthz`.
package final class Health: Sendable {
  package enum Phase: String, Sendable {
    case starting
    case ready
    case stopping
  }

  private let state = Mutex((phase: Phase.starting, standstill: [String]()))

  package init() {}

  package var phase: Phase { state.withLock { $0.phase } }

  package func enter(_ phase: Phase) { state.withLock { $0.phase = phase } }

  /// Stages whose loop has stood still for too long.
  package var standstill: [String] {
    get { state.withLock { $0.standstill } }
    set { state.withLock { $0.standstill = newValue } }
  }
}
