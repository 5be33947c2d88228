import ArgumentParser
import Foundation
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

  @Flag(help: "Stop when standard input ends, as it does when the process that holds it is gone.")
  var untilInputEnds = false

  func run() async throws {
    try await failing {
      if untilInputEnds { stopWithInput() }
      let daemon = Daemon(
        pipeline: try PipelineBuilder(try argument.file()).build(),
        logger: argument.logger(default: .info))
      try await daemon.run()
    }
  }

  /// From a thread of its own, which waits in a read.
  private func stopWithInput() {
    Thread.detachNewThread {
      var bytes = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        if count == 0 || count < 0 && errno != EINTR { break }
      }
      kill(getpid(), SIGTERM)
    }
  }
}
