import Foundation
import Logging
import ServiceLifecycle
import ZeroMQ

/// Runs one stage on a thread of its own, as a service of the daemon.
///
/// libzmq calls block, so a stage must not sit on the cooperative pool.
package struct StageService: Service {
  let stage: any Stage
  let control: StageControl

  package func run() async throws {
    try await withTaskCancellationOrGracefulShutdownHandler {
      try await withCheckedThrowingContinuation {
        (continuation: CheckedContinuation<Void, any Error>) in
        let thread = Thread {
          // Set from outside, Foundation keeps the name from the system, and `top -H` shows another.
          Thread.current.name = stage.name
          do {
            try stage.run(control)
            continuation.resume()
          } catch {
            continuation.resume(throwing: error)
          }
        }
        thread.stackSize = 1 << 20
        thread.start()
      }
    } onCancelOrGracefulShutdown: {
      control.stop.raise()
    }
  }
}
