import Foundation
import Glibc

/// What systemd listens on for sd_notify(3): a datagram socket.
final class NotifySocket {
  let path: String
  private let folder: TemporaryFolder
  private let descriptor: Int32

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("notify")
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    guard isBound else { throw HarnessError.system(call: "bind \(path)", code: errno) }
  }

  deinit { close(descriptor) }

  /// The next notice that begins with `beginning`; others are passed over.
  func next(_ beginning: String) throws -> String {
    let deadline = Deadline.standard
    var seen: [String] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !deadline.hasPassed {
      var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&item, 1, deadline.remainingMilliseconds) > 0 else { continue }
      let count = recv(descriptor, &buffer, buffer.count, 0)
      let notice = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
      if notice.hasPrefix(beginning) { return notice }
      seen.append(notice)
    }
    throw HarnessError.timedOut(waitingFor: beginning, seen: "\(seen)")
  }
}
