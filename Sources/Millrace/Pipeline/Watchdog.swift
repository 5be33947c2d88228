import Logging
import ServiceLifecycle

/// Tells systemd that the daemon lives, as long as its stages' loops turn.
///
/// An idle loop turns twice a second; one that is stuck lets the pings stop, and systemd starts the
/// daemon anew.
struct Watchdog: Service {
  let notifier: ServiceNotifier
  let interval: Duration
  let metrics: MetricsCollection
  let logger: Logger

  func run() async throws {
    var watch = StandstillWatch()
    var wasStuck = false
    // Half of the interval is what a loop may take for one turn; the rest is for the ping.
    let patience = UInt64(max(1, (interval / 2) / .milliseconds(1)))
    do {
      while true {
        let stuck = watch.look(
          at: metrics.current.stages, milliseconds: MonotonicClock.milliseconds,
          patience: patience)
        if stuck.isEmpty {
          notifier.alive()
        } else if !wasStuck {
          logger.error(
            "no ping to the watchdog", metadata: ["still": "\(stuck.joined(separator: ","))"])
        }
        wasStuck = !stuck.isEmpty
        try await cancelWhenGracefulShutdown {
          try await Task.sleep(for: interval / 4)
        }
      }
    } catch is CancellationError {
      // The stages stop behind this service; systemd counts the time of a stop by itself.
    }
  }
}
