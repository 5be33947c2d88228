import ArgumentParser
import Foundation
import Millrace

/// Runs a command's work; an error becomes one line on standard error and its exit code.
///
/// `checksKernels` is false for a command that looks at `MILLRACE_KERNELS` itself.
func failing(checksKernels: Bool = true, _ body: () async throws -> Void) async throws {
  do {
    if checksKernels { try KernelChoice.check() }
    try await body()
  } catch let code as ExitCode {
    throw code
  } catch let error as ValidationError {
    throw error
  } catch {
    complain("\(error)")
    throw ExitCode(ExitStatus(error).rawValue)
  }
}

func complain(_ message: String) {
  FileHandle.standardError.write(Data("millrace: \(message)\n".utf8))
}
