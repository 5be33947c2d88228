import ArgumentParser
import Foundation
import Millrace
import ModelFiles

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
    complain(of: error)
    throw ExitCode(ExitStatus(error).rawValue)
  }
}

/// For a file that is missing, the one that may have been meant.
private func nearestFile(_ error: any Error) -> String {
  let path: String? =
    switch error {
    case TextFile.Failure.missing(let path, _), ModelFileError.missing(let path): path
    default: nil
    }
  return path.flatMap { FilesBeside.nearest(to: $0) }.map { "; did you mean \($0)?" } ?? ""
}

/// One line, with the file that may have been meant where one is missing.
func complain(of error: any Error) { complain("\(error)\(nearestFile(error))") }

func complain(_ message: String) {
  FileHandle.standardError.write(Data("millrace: \(message)\n".utf8))
}
