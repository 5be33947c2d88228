import Glibc

/// A plain TCP socket on the loopback interface: to find free ports, to take one, to send garbage.
final class LoopbackSocket {
  let port: UInt16
  private let descriptor: Int32

  /// Listens on `port`, or on one that the system chooses for 0.
  init(listeningOn wanted: UInt16) throws {
    let descriptor = try LoopbackSocket.open()
    var address = LoopbackSocket.address(wanted)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 4) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard status else {
      let code = errno
      close(descriptor)
      throw HarnessError.system(call: "bind", code: code)
    }
    self.descriptor = descriptor
    port = UInt16(bigEndian: address.sin_port)
  }

  /// Connects to `port`.
  init(connectedTo port: UInt16) throws {
    let descriptor = try LoopbackSocket.open()
    var address = LoopbackSocket.address(port)
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      let code = errno
      close(descriptor)
      throw HarnessError.system(call: "connect", code: code)
    }
    self.descriptor = descriptor
    self.port = port
  }

  deinit { close(descriptor) }

  /// Another descriptor of the same socket, for whoever outlives this object.
  func duplicate() throws -> Int32 {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw HarnessError.system(call: "fcntl", code: errno) }
    return copy
  }

  /// Sends bytes as far as the peer takes them.
  func send(_ bytes: [UInt8]) {
    _ = bytes.withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
  }

  /// Whether the peer ends the connection within so many seconds.
  func isClosedByPeer(within seconds: Int) -> Bool {
    var patience = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var buffer = [UInt8](repeating: 0, count: 1024)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count <= 0 { return count == 0 || errno == ECONNRESET }
    }
  }

  /// The first of `count` ports in a row that are free now.
  static func freePorts(_ count: Int) throws -> UInt16 {
    for _ in 0..<100 {
      let first = try LoopbackSocket(listeningOn: 0)
      guard Int(first.port) + count <= Int(UInt16.max) else { continue }
      do {
        _ = try (1..<UInt16(count)).map { try LoopbackSocket(listeningOn: first.port + $0) }
        return first.port
      } catch HarnessError.system {
        continue
      }
    }
    throw HarnessError.unexpected("no \(count) free ports in a row")
  }

  private static func open() throws -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_INET, type, 0)
    guard descriptor >= 0 else { throw HarnessError.system(call: "socket", code: errno) }
    return descriptor
  }

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
}
