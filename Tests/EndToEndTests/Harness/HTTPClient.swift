import Foundation
import Glibc

/// A plain HTTP/1.1 client over a loopback socket, which lets a test choose every header.
struct HTTPClient {
  struct Response {
    let status: Int
    let body: String
  }

  let port: UInt16

  /// Reads the port from the daemon's log.
  init(_ daemon: DaemonProcess) throws {
    try daemon.waitFor(event: "http")
    let line = daemon.process.errorLines.first { $0.contains("msg=http ") } ?? ""
    let digits = line.split(separator: "127.0.0.1:").last?.prefix { $0.isNumber } ?? ""
    guard let port = UInt16(digits) else { throw HarnessError.unexpected("no port in \(line)") }
    self.port = port
  }

  func get(
    _ path: String, method: String = "GET", host: String? = nil, headers: [String] = []
  ) throws -> Response {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw HarnessError.system(call: "socket", code: errno) }
    defer { close(descriptor) }
    // Nothing here takes long; a server that does not answer is to fail, not to hang.
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw HarnessError.system(call: "connect", code: errno) }
    let lines =
      ["\(method) \(path) HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")"]
      + (headers.contains { $0.hasPrefix("Connection:") }
        ? headers : headers + ["Connection: close"])
    let request = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
      throw HarnessError.system(call: "send", code: errno)
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 { bytes += buffer[..<count] }
      // A connection that may be upgraded stays open: the status is all there is to see.
      if count <= 0 || bytes.count > 12 && headers.contains("Connection: Upgrade") { break }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let status = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
      throw HarnessError.unexpected("no status in \(text.prefix(200))")
    }
    let body = text.range(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? ""
    return Response(status: status, body: body)
  }

  /// The values of `/metrics`: name and labels -> value.
  func metrics() throws -> [String: Double] {
    var values: [String: Double] = [:]
    for line in try get("/metrics").body.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      values[String(line[..<space])] = Double(line[line.index(after: space)...])
    }
    return values
  }

  /// Waits for a metric, which a stage publishes at its own next turn.
  func wait(for name: String, _ condition: (Double) -> Bool) throws -> [String: Double] {
    let deadline = Deadline.standard
    while true {
      let metrics = try metrics()
      if let value = metrics[name], condition(value) { return metrics }
      if deadline.hasPassed {
        throw HarnessError.timedOut(waitingFor: name, seen: "\(metrics[name] ?? .nan)")
      }
      usleep(10_000)
    }
  }
}
