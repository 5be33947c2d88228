import Foundation
import Glibc

/// Tells systemd how the daemon is: sd_notify(3)'s datagrams, without its library.
///
/// Says nothing where there is no `NOTIFY_SOCKET`.
package final class ServiceNotifier: Sendable {
  private let descriptor: Int32
  private let path: [UInt8]
  /// How often systemd wants to hear that the daemon lives; nil for never.
  package let watchdogInterval: Duration?

  /// Takes the socket and the interval from the environment that systemd gave.
  package init(
    variables: [String: String] = ProcessInfo.processInfo.environment, processID: Int32 = getpid()
  ) {
    // An abstract name begins with a zero byte, which the variable writes as @.
    var path = Array((variables["NOTIFY_SOCKET"] ?? "").utf8)
    let isUsable = path.first == UInt8(ascii: "/") || path.first == UInt8(ascii: "@")
    if path.first == UInt8(ascii: "@") { path[0] = 0 }
    self.path = isUsable ? path : []
    descriptor =
      isUsable
      ? socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) : -1
    let isOurs = variables["WATCHDOG_PID"].map { Int32($0) == processID } ?? true
    watchdogInterval =
      variables["WATCHDOG_USEC"].flatMap(Int64.init).flatMap {
        isOurs && $0 > 0 ? .microseconds($0) : nil
      }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  package func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }

  /// A `ready` follows.
  package func reloading() {
    send("RELOADING=1\nMONOTONIC_USEC=\(MonotonicClock.microseconds)\nSTATUS=reloading")
  }

  package func stopping() { send("STOPPING=1\nSTATUS=stopping: what was accepted is answered") }

  package func alive() { send("WATCHDOG=1") }

  /// Sends without waiting: a service manager that does not read must not hold the daemon up.
  private func send(_ state: String) {
    guard descriptor >= 0 else { return }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    // Without the closing zero: it would be part of an abstract name.
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    let bytes = Array(state.utf8)
    withUnsafePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = sendto(
          descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0,
          length)
      }
    }
  }
}
