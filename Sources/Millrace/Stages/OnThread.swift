import Foundation

/// Runs `body` on a thread of its own: libzmq calls block, so they must not sit on the cooperative
/// pool.
func onThread<Value: Sendable>(
  named name: String, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    let thread = Thread {
      Thread.current.name = name
      continuation.resume(with: Result { try body() })
    }
    thread.start()
  }
}
