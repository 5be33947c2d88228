import ArgumentParser
import Foundation
import Millrace

extension SwapPolicy: ExpressibleByArgument {}

extension ModelCommand {
  struct Swap: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have a running daemon go on with another model.",
      discussion: """
        The daemon reads and probes the file while it serves on. A file that does not fit is refused \
        (exit code 65; 66 where it is not there), and nothing changes. Each stream goes over between two of its messages:

          carry   with its h and c; both models have the same rows of state
          reset   from zero
          drain   not at all: new lives begin on the new model, and the old one leaves with its last stream
          rewarm  from what its last inputs make of zeros (state: { rewarm: STEPS })
          shadow  not at all: the new model takes the same steps beside, and tap/inference/shadow/ and \
        model show tell how its answers differ. Any other swap ends that.

        EXAMPLES:
          millrace model swap new.keras Pipelines/motion.yaml --policy carry
          millrace model swap new.keras Pipelines/motion.yaml --policy shadow
          millrace model show Pipelines/motion.yaml
        """)

    @Argument(help: "The model file, as the daemon finds it.", completion: .file())
    var model: String

    @OptionGroup var options: ControlOptions

    @Option(help: "carry, reset, drain, rewarm or shadow.")
    var policy: SwapPolicy

    func run() async throws {
      try await failing {
        let path = URL(fileURLWithPath: model).standardizedFileURL.path
        try await options.streams().swapModel(to: path, by: policy) { complain($0) }
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Which model a running daemon serves, and which it holds beside it.",
      discussion: """
        EXAMPLES:
          millrace model show Pipelines/motion.yaml
          millrace model show Pipelines/motion.yaml --json
        """)

    @OptionGroup var options: ControlOptions

    func run() async throws { try await failing { try await options.streams().showModel() } }
  }
}
