import ArgumentParser
import Millrace

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a pipeline as a daemon, all stages in this process.",
    discussion: """
      Logs to standard error, and says msg=ready when its sockets are bound. SIGTERM or SIGINT: what \
      was accepted is answered, then it exits with 0.

      EXAMPLES:
        millrace run Pipelines/hello.yaml
        MILLRACE_KERNELS=avx2 millrace run Pipelines/motion.yaml --log-level debug
      """)

  @OptionGroup var argument: PipelineArgument

  func run() async throws {
    try await failing {
      let daemon = Daemon(
        pipeline: try PipelineBuilder(try argument.file()).build(),
        logger: argument.logger(default: .info))
      try await daemon.run()
    }
  }
}
