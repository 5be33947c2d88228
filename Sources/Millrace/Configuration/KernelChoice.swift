import Foundation
import Recurrence

/// The environment variable `MILLRACE_KERNELS`, which names the instruction set of the step kernels.
package enum KernelChoice {
  private static let variable = "MILLRACE_KERNELS"

  /// Checks it before the first model is made.
  ///
  /// - Throws: a `ConfigurationError` when it names none that this machine has.
  package static func check() throws(ConfigurationError) {
    guard let wish = ProcessInfo.processInfo.environment[variable], !wish.isEmpty,
      !StepKernels.choose(wish)
    else { return }
    let available = StepKernels.names.filter { StepKernels.isAvailable($0) }
    throw ConfigurationError(
      file: variable,
      message: "is \"\(wish)\", expected one that this machine has: "
        + available.joined(separator: ", "))
  }
}
