import ArgumentParser
import Foundation
import Millrace
import Wire
import ZeroMQ

struct StreamsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "streams",
    abstract: "Look at the streams of a running daemon, copy them and move them.",
    discussion: """
      Asks the file's control socket. In a terminal the answers are for people; where they are piped, \
      an object of JSON a line.

      EXAMPLES:
        millrace streams list Pipelines/motion.yaml
        millrace streams peek Pipelines/motion.yaml har03 --state
        millrace streams fork Pipelines/motion.yaml har03 har03-copy
        millrace streams export Pipelines/motion.yaml har03 > har03.checkpoint
        millrace streams move Pipelines/motion.yaml har03 --to tcp://10.0.0.7:5553
      """,
    subcommands: [
      StreamsListCommand.self, StreamsShowCommand.self, StreamsPeekCommand.self,
      StreamsResetCommand.self, StreamsForkCommand.self, StreamsRewindCommand.self,
      StreamsExportCommand.self, StreamsImportCommand.self, StreamsParkCommand.self,
      StreamsMoveCommand.self,
    ])
}

/// Whom to ask, and in which form the answer is printed.
struct ControlOptions: ParsableArguments {
  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Option(help: "The endpoint, where it is not the file's control.")
  var from: String?

  @Flag(help: "JSON, also in a terminal.")
  var json = false

  func validate() throws { try checkEndpoint(from, option: "--from") }

  func streams() throws -> StreamsRun {
    let file = try argument.file()
    guard let endpoint = from ?? file.control else {
      throw file.error(at: "control", "is missing; there is nobody to ask")
    }
    return StreamsRun(
      endpoint: endpoint, keys: try keys.keys(of: file, for: .control, at: endpoint),
      isTable: !json && isatty(STDOUT_FILENO) == 1
    ) {
      try StandardOutput.write($0)
    }
  }
}

/// The options, and the stream that it is about.
struct StreamOptions: ParsableArguments {
  @OptionGroup var options: ControlOptions

  @Argument(help: "The stream's name.", transform: Reading.stream)
  var stream: StreamID
}

struct StreamsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "All streams: open, parked and ended ones that are remembered.",
    discussion: """
      EXAMPLES:
        millrace streams list Pipelines/motion.yaml
        millrace streams list Pipelines/motion.yaml --json | grep parked
      """)

  @OptionGroup var options: ControlOptions

  func run() async throws { try await failing { try await options.streams().list() } }
}

struct StreamsShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Where one stream stands, and which checkpoints of it can be rewound to.",
    discussion: """
      EXAMPLES:
        millrace streams show Pipelines/motion.yaml har03
      """)

  @OptionGroup var of: StreamOptions

  func run() async throws {
    try await failing { try await of.options.streams().show(of.stream) }
  }
}

struct StreamsPeekCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "peek",
    abstract: "A stream's newest answer, and its state; nothing is advanced.",
    discussion: """
      Where answers are rarer than steps, the answer is what its END would give.

      EXAMPLES:
        millrace streams peek Pipelines/motion.yaml har03
        millrace streams peek Pipelines/motion.yaml har03 --state
      """)

  @OptionGroup var of: StreamOptions

  @Flag(help: "h and c, row by row.")
  var state = false

  func run() async throws {
    try await failing {
      try await of.options.streams().peek(of.stream, withState: state)
    }
  }
}

struct StreamsResetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset",
    abstract: "Zero a stream's state, as RESET does; its numbers go on.",
    discussion: """
      EXAMPLES:
        millrace streams reset Pipelines/motion.yaml har03
      """)

  @OptionGroup var of: StreamOptions

  func run() async throws {
    try await failing { try await of.options.streams().reset(of.stream) }
  }
}

struct StreamsForkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fork",
    abstract: "A second stream that goes on from where the first one stands.",
    discussion: """
      Both go on by themselves. Whoever sends to the copy says hello for it and sends from the number \
      that it expects, without START (Python: resume).

      EXAMPLES:
        millrace streams fork Pipelines/motion.yaml har03 har03-copy
      """)

  @OptionGroup var of: StreamOptions

  @Argument(help: "The name of the copy.", transform: Reading.stream)
  var copy: StreamID

  @Flag(help: "Also where a stream of that name is open.")
  var replace = false

  func run() async throws {
    try await failing {
      try await of.options.streams().fork(
        of.stream, as: copy, replaces: replace)
    }
  }
}

struct StreamsRewindCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rewind",
    abstract: "Go back to one of a stream's last checkpoints.",
    discussion: """
      Needs `state: { keep: N }`; `streams show` names the numbers. The sender is refused `gap` with \
      the number that the stream now expects, and sends again from there.

      EXAMPLES:
        millrace streams rewind Pipelines/motion.yaml har03
        millrace streams rewind Pipelines/motion.yaml har03 --to 200
      """)

  @OptionGroup var of: StreamOptions

  @Option(
    help: "The newest checkpoint at or before this input number. Default: the one before now.")
  var to: UInt64?

  func run() async throws {
    try await failing { try await of.options.streams().rewind(of.stream, to: to) }
  }
}

struct StreamsExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "A stream as a checkpoint file, to standard output; it goes on.",
    discussion: """
      The file is of the safetensors format: other tools read h and c from it.

      EXAMPLES:
        millrace streams export Pipelines/motion.yaml har03 > har03.checkpoint
      """)

  @OptionGroup var of: StreamOptions

  func validate() throws {
    guard isatty(STDOUT_FILENO) == 0 else {
      throw ValidationError("A checkpoint file is no text; send it to a file with > FILE.")
    }
  }

  func run() async throws {
    try await failing {
      let file = try await of.options.streams().export(of.stream)
      try StandardOutput.write(file)
    }
  }
}

struct StreamsImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Begin a stream from a checkpoint file on standard input.",
    discussion: """
      The file has to be of the same model, precision and tokenizer; in bf16 of the same kernels too. \
      Whoever sends to the stream says hello for it and sends from the number that it expects.

      EXAMPLES:
        millrace streams import Pipelines/motion.yaml < har03.checkpoint
        millrace streams import Pipelines/motion.yaml --as har04 < har03.checkpoint
      """)

  @OptionGroup var options: ControlOptions

  @Option(
    name: .customLong("as"), help: "The stream's name, if not the one in the file.",
    transform: Reading.stream)
  var name: StreamID?

  @Flag(help: "Also where a stream of that name is open.")
  var replace = false

  func run() async throws {
    try await failing {
      let file = try StandardInput.read(upTo: StreamsRun.fileBytesMax)
      try await options.streams().import(file, as: name, replaces: replace)
    }
  }
}

struct StreamsParkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "park",
    abstract: "Have a stream leave memory now; its next step brings it back.",
    discussion: """
      Needs `state: { store: FILE }`. Returns when it has left.

      EXAMPLES:
        millrace streams park Pipelines/motion.yaml har03
      """)

  @OptionGroup var of: StreamOptions

  func run() async throws {
    try await failing { try await of.options.streams().park(of.stream) }
  }
}

struct StreamsMoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move",
    abstract: "Move a live stream to another daemon while its sender goes on.",
    discussion: """
      What is sent meanwhile waits. The sender is then refused `moved` and goes on at the other \
      daemon; clients of Millrace do so by themselves. Where the stream cannot go on there, it goes on \
      here.

      EXAMPLES:
        millrace streams move Pipelines/motion.yaml har03 --to ipc:///run/millrace/motion2.control
      """)

  @OptionGroup var of: StreamOptions

  @Option(help: "The control socket of the daemon that it goes to.")
  var to: String

  @Option(help: "Where clients find that daemon, if not at the ingress that it names.")
  var ingress: String?

  @Option(
    help: "That daemon's public key, or a file with it, where it is not this pipeline's.",
    completion: .file())
  var toServerKey: String?

  @Flag(help: "Also where a stream of that name is open there.")
  var replace = false

  func validate() throws {
    try checkEndpoint(to, option: "--to")
    try checkEndpoint(ingress, option: "--ingress")
  }

  func run() async throws {
    try await failing {
      let file = try of.options.argument.file()
      let keys = of.options.keys
      // Over ipc nothing is encrypted, unless the file says so.
      let isEncrypted = to.hasPrefix("tcp://") || file.isEncrypted(.control, at: to)
      let targetKeys =
        isEncrypted
        ? try file.clientKeys(
          for: .control, at: to, clientKey: keys.clientKey,
          serverKey: toServerKey ?? keys.serverKey) : nil
      let move = StreamMove(
        from: try of.options.streams(), to: to, targetKeys: targetKeys, ingress: ingress,
        replaces: replace)
      try await move.run(of.stream)
    }
  }
}
