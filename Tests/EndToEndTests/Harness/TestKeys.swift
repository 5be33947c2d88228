import Foundation
import ZeroMQ

/// Key pairs in files of a folder, as `millrace keygen` writes them, and the list of clients.
final class TestKeys {
  let folder: TemporaryFolder
  /// The daemon's.
  let daemon: CurveKey
  private var pairs: [String: CurveKeyPair] = [:]

  /// Makes a pair for the daemon and for each client: name -> what it may do.
  init(_ clients: [String: String]) throws {
    folder = try TemporaryFolder()
    daemon = try TestKeys.generate(folder.file("daemon.key")).publicKey
    for name in clients.keys { pairs[name] = try TestKeys.generate(folder.file("\(name).key")) }
    try allow(clients)
  }

  /// Writes the list of clients.
  func allow(_ clients: [String: String]) throws {
    let lines = clients.map { "\(pairs[$0.key]?.publicKey.text ?? "") \($0.value) \($0.key)\n" }
    try folder.write("clients.keys", "# key may who\n" + lines.joined())
  }

  /// What a pipeline file says of them.
  var section: String {
    "curve: { key: daemon.key, clients: clients.keys, server-key: \"\(daemon)\" }"
  }

  func path(of name: String) -> String { folder.file("\(name).key") }

  /// The keys of a client, for the daemon or for what else it takes for the daemon.
  func keys(of name: String, for server: CurveKey? = nil) throws -> CurveClientKeys {
    guard let pair = pairs[name] else { throw HarnessError.unexpected("no key of \(name)") }
    return CurveClientKeys(pair: pair, server: server ?? daemon)
  }

  /// Runs `millrace keygen` and reads what it wrote.
  static func generate(_ path: String) throws -> CurveKeyPair {
    let made = try ChildProcess.run(["keygen", path])
    let text = try String(contentsOfFile: path, encoding: .utf8)
    guard let secret = text.split(separator: "secret-key = \"").last?.prefix(40),
      let pair = CurveKeyPair(secretText: secret), made.outputLines == [pair.publicKey.text]
    else { throw HarnessError.unexpected("keygen said \(made.outputLines)") }
    return pair
  }
}
