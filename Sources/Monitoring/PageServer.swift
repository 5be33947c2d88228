import FlyingFox
import FlyingSocks
import Glibc
import Logging
import ServiceLifecycle

/// The daemon's HTTP server: `/metrics`, `/healthz`, `/readyz` and the page.
package struct PageServer: Service {
  /// The address cannot be served.
  package struct Failure: Error {
    package let address: HTTPAddress
    package let code: Int32
  }

  private let address: HTTPAddress
  private let handler: PageHandler
  private let health: Health
  private let logger: Logger

  /// `similar` gives the tokens nearest to one, as JSON, where the model has an Embedding.
  package init(
    address: HTTPAddress, registry: MetricsRegistry, health: Health, feed: PageFeed,
    similar: (@Sendable (String) -> [UInt8])?, logger: Logger
  ) {
    self.address = address
    self.health = health
    self.logger = logger
    handler = PageHandler(
      registry: registry, health: health, feed: feed, similar: similar,
      allowsAnyHost: !address.isLoopback)
    registry.describe("millrace_http_requests_total", "HTTP requests, by the answer's status code.")
    registry.gauge("millrace_page_sessions", "Pages that are open.") { Double(feed.sessionCount) }
    registry.counter(
      "millrace_tap_dropped_total",
      "Messages of taps that the daemon's own page has lost; other readers count their own."
    ) { Double(feed.lost) }
  }

  /// Serves until the daemon stops.
  ///
  /// - Throws: a `Failure` when the address cannot be bound.
  package func run() async throws {
    let server = HTTPServer(config: try configuration(), handler: handler)
    try await withTaskCancellationOrGracefulShutdownHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          // Not waitUntilListening, which a cancellation does not always end.
          while true {
            if let bound = await server.listeningAddress {
              return logger.notice("http", metadata: ["address": "\(Self.text(bound))"])
            }
            try await Task.sleep(for: .milliseconds(5))
          }
        }
        group.addTask { try await serve(server) }
        // Not waitForAll, which would wait for the first task to tell of the second's error.
        while try await group.next() != nil {}
      }
    } onCancelOrGracefulShutdown: {
      health.enter(.stopping)
      Task { await server.stop(timeout: 1) }
    }
  }

  private func serve(_ server: HTTPServer) async throws {
    do {
      try await server.run()
    } catch SocketError.failed(_, let code, _) where health.phase != .stopping {
      throw Failure(address: address, code: code)
    } catch  where health.phase == .stopping {
      // The end of the listening socket is how the server stops.
    }
  }

  private func configuration() throws -> HTTPServer.Configuration {
    do {
      if address.host.contains(":") {
        return .init(
          address: try sockaddr_in6.inet6(ip6: address.host, port: address.port),
          logger: .disabled)
      }
      return .init(
        address: try sockaddr_in.inet(ip4: address.host, port: address.port), logger: .disabled)
    } catch {
      throw Failure(address: address, code: EADDRNOTAVAIL)
    }
  }

  private static func text(_ address: Socket.Address) -> String {
    switch address {
    case .ip4(let host, let port), .ip6(let host, let port):
      HTTPAddress(host: host, port: port).description
    case .unix(let path): path
    }
  }
}
