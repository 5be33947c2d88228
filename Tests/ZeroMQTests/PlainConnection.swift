import Glibc
import Testing

/// A TCP connection that speaks no ZMTP.
final class PlainConnection {
  private let descriptor: Int32

  /// Connects to an endpoint such as `tcp://127.0.0.1:5550`.
  init(to endpoint: String) throws {
    let port = try #require(UInt16(endpoint.split(separator: ":").last ?? ""))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(status == 0, "connect: errno \(errno)")
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    try #require(count == bytes.count, "send: errno \(errno)")
  }

  /// Reads all that the peer sends until it ends the connection; false when it does not.
  var isEnded: Bool {
    var bytes = [UInt8](repeating: 0, count: 256)
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&item, 1, 20_000) == 1 {
      if read(descriptor, &bytes, bytes.count) <= 0 { return true }
    }
    return false
  }
}
