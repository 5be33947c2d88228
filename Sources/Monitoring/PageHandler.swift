import CoreMetrics
import FlyingFox
import Foundation

/// Answers the daemon's HTTP requests: metrics, health, and the page with its WebSocket.
struct PageHandler: HTTPHandler {
  let registry: MetricsRegistry
  let health: Health
  let feed: PageFeed
  /// The tokens nearest to one, as JSON; nil where the model has no Embedding.
  let similar: (@Sendable (String) -> [UInt8])?
  /// Whether requests may name any host, which only a server off loopback allows.
  let allowsAnyHost: Bool

  func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
    let response = answer(request)
    let status = response.statusCode.code
    Counter(
      label: "millrace_http_requests", dimensions: [("code", "\(status)")], factory: registry
    ).increment()
    guard status == 101 else { return response }
    return try await WebSocketHTTPHandler(handler: PageSession(feed)).handleRequest(request)
  }

  private func answer(_ request: HTTPRequest) -> HTTPResponse {
    // A page of another origin must not read streams through the browser of who works here.
    guard isFromHere(request) else {
      return text(.forbidden, "this host name or origin is not served here\n")
    }
    guard request.method == .GET || request.method == .HEAD else {
      var response = text(.methodNotAllowed, "GET only\n")
      response.headers[HTTPHeader("Allow")] = "GET, HEAD"
      return response
    }
    switch request.path {
    case "/": return file(PackageResources.index_html, "text/html; charset=utf-8")
    case "/page.css": return file(PackageResources.page_css, "text/css; charset=utf-8")
    case "/page.js": return file(PackageResources.page_js, "text/javascript; charset=utf-8")
    case "/live": return HTTPResponse(statusCode: .switchingProtocols)
    case "/metrics": return text(.ok, registry.text, PrometheusText.contentType)
    case "/healthz":
      let standstill = health.standstill
      return standstill.isEmpty
        ? text(.ok, "ok\n")
        : text(
          .serviceUnavailable,
          "no turn for \(Health.patienceSeconds) s: \(standstill.joined(separator: ", "))\n")
    case "/readyz":
      let phase = health.phase
      return text(phase == .ready ? .ok : .serviceUnavailable, phase.rawValue + "\n")
    case "/similar":
      guard let similar else {
        return text(.notFound, "the model does not begin with an Embedding\n")
      }
      let token = request.query.first { $0.name == "to" }?.value ?? ""
      return respond(.ok, Data(similar(token)), "application/json")
    default:
      return text(
        .notFound, "there are /, /metrics, /healthz, /readyz, /live and /similar?to=TOKEN\n")
    }
  }

  /// Whether Host and Origin name this server: against rebound names and pages of other origins.
  private func isFromHere(_ request: HTTPRequest) -> Bool {
    let host = request.headers[.host] ?? ""
    if let origin = request.headers[HTTPHeader("Origin")] {
      guard origin == "http://\(host)" || origin == "https://\(host)" else { return false }
    }
    if allowsAnyHost || host.isEmpty { return true }
    guard let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") else {
      return HTTPAddress.isLoopback(host)
    }
    return HTTPAddress.isLoopback(host[..<colon])
  }

  private func file(_ bytes: [UInt8], _ type: String) -> HTTPResponse {
    respond(.ok, Data(bytes), type)
  }

  private func text(
    _ status: HTTPStatusCode, _ text: String, _ type: String = "text/plain; charset=utf-8"
  ) -> HTTPResponse {
    respond(status, Data(text.utf8), type)
  }

  private func respond(_ status: HTTPStatusCode, _ body: Data, _ type: String) -> HTTPResponse {
    HTTPResponse(
      statusCode: status,
      headers: [
        .contentType: type, .cacheControl: "no-store",
        HTTPHeader("Content-Security-Policy"):
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
          + "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
        HTTPHeader("X-Content-Type-Options"): "nosniff",
        HTTPHeader("Referrer-Policy"): "no-referrer",
      ],
      body: body)
  }
}

extension Health {
  /// How long a stage may stand still before the daemon is not well.
  package static let patienceSeconds = 30
}
