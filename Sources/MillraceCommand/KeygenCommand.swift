import ArgumentParser
import Millrace
import ZeroMQ

struct KeygenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keygen",
    abstract: "Make a key pair for encrypted connections, and print its public key.",
    discussion: """
      Writes the pair to a new file that only you can read (mode 600), in the form of pyzmq's and
      CZMQ's certificates. A daemon names its file with `curve: { key: FILE }`, a client with
      --client-key; the public key goes into the daemon's file of clients.

      EXAMPLES:
        millrace keygen daemon.key
        echo "$(millrace keygen gateway.key) send gateway" >> clients.keys
      """)

  @Argument(help: "The file to write, or to read with --show.", completion: .file())
  var file: String

  @Flag(help: "Print the public key of a file that is there, and write nothing.")
  var show = false

  func run() async throws {
    try await failing {
      if show { return print(try KeyFile.publicKey(ofFile: file)) }
      let pair = try CurveKeyPair.generate()
      try KeyFile.write(pair, to: file)
      print(pair.publicKey)
    }
  }
}
