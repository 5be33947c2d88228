import Glibc

/// A daemon, or one stage of it, that has said that it is ready.
final class DaemonProcess {
  let process: ChildProcess

  /// Starts `millrace ARGUMENTS`; `waitUntilReady` has to follow.
  init(_ arguments: [String], variables: [String: String] = [:]) throws {
    process = try ChildProcess(arguments, variables: variables)
  }

  func waitUntilReady() throws { try waitFor(event: "ready") }

  /// Reads the log until `msg=EVENT` stands in it.
  func waitFor(event: String) throws {
    try process.read(until: "msg=\(event)") { $0.errorLines.contains { $0.has(event: event) } }
  }

  /// Sends a signal and waits for the end.
  @discardableResult
  func terminate(_ signal: Int32 = SIGTERM) throws -> Int32 {
    process.signal(signal)
    return try process.waitForExit()
  }
}

extension String {
  fileprivate func has(event: String) -> Bool { split(separator: " ").contains("msg=\(event)") }
}
