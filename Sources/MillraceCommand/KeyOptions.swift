import ArgumentParser
import Millrace
import ZeroMQ

/// The keys of a client of a daemon that takes encrypted connections.
struct KeyOptions: ParsableArguments {
  @Option(
    help: "Your key pair file, for a daemon with CURVE (millrace keygen); or credential:NAME.",
    completion: .file())
  var clientKey: String?

  @Option(
    help: "The daemon's public key, or a file with it, where the pipeline file has none.",
    completion: .file())
  var serverKey: String?

  func validate() throws {
    if let clientKey, CurveKey(clientKey) != nil {
      throw ValidationError(
        "--client-key holds a key itself; name its file, which only you can read.")
    }
  }

  /// Nil where nothing is encrypted.
  func keys(
    of file: PipelineFile, for use: EndpointUse, at endpoint: String
  ) throws -> CurveClientKeys? {
    try file.clientKeys(for: use, at: endpoint, clientKey: clientKey, serverKey: serverKey)
  }
}
