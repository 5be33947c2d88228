import Glibc
import Monitoring
import ZeroMQ

/// An endpoint of a pipeline file that cannot be bound: where it is named, and why.
package struct EndpointFailure: Error, CustomStringConvertible {
  package let description: String

  init(_ failure: PageServer.Failure, in file: PipelineFile) {
    let reason =
      failure.code == EADDRINUSE
      ? "is in use by another process; stop that one, or name another port"
      : "cannot be bound: \(String(cString: strerror(failure.code))) (\(failure.code))"
    description = file.error(at: "http", "\(failure.address) \(reason)").description
  }

  /// Nil for an error of another kind, or of an endpoint that the file does not name.
  init?(_ error: ZeroMQError, in file: PipelineFile) {
    guard error.function == "zmq_bind",
      let binding = file.bindings.first(where: { $0.endpoint == error.subject })
    else { return nil }
    let use = binding.use == binding.key ? "" : " (\(binding.use))"
    let reason =
      error.isAddressInUse
      ? "is in use by another process; stop that one, or name another endpoint"
      : "cannot be bound: \(error.reason)"
    description = file.error(at: binding.key, "\(error.subject)\(use) \(reason)").description
  }
}
