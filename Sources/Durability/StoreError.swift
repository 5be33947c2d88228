/// Why a state store cannot be used, or not any more.
package enum StoreError: Error, CustomStringConvertible, Equatable {
  case cannotOpen(path: String, reason: String)
  /// Another process has it.
  case locked(path: String)
  /// Made by a later version.
  case newerVersion(path: String, version: Int, known: Int)
  case damaged(path: String, what: String)
  /// It holds the state of something else: another model, precision or tokenizer.
  case otherOwner(path: String, what: String, expected: String, received: String)
  /// A write failed in a way after which nothing on this file can be trusted.
  case failed(path: String, reason: String)

  package var description: String {
    switch self {
    case .cannotOpen(let path, let reason):
      "cannot open the state store \(path): \(reason); name a folder that exists and is writable"
    case .locked(let path):
      "the state store \(path) is in use by another process; stop it, or give each daemon a store "
        + "of its own"
    case .newerVersion(let path, let version, let known):
      "the state store \(path) has schema \(version), this program knows up to \(known); "
        + "use the program that wrote it"
    case .damaged(let path, let what):
      // SQLite's check of a file may have more lines.
      "the state store \(path) is damaged: \(what.replacing("\n", with: "; ")); put a backup in its place, or move it away to "
        + "begin with no streams"
    case .otherOwner(let path, "kernels", let expected, let received):
      "the state store \(path) belongs to the kernels \(received), this pipeline has \(expected), which "
        + "do not give the same bits in bf16; set MILLRACE_KERNELS=\(received), or allow it with "
        + "state: { other-kernels: allow }"
    case .otherOwner(let path, let what, let expected, let received):
      "the state store \(path) belongs to the \(what) \(received), this pipeline has \(expected); "
        + "give the pipeline back what it had, or move the store away to begin with no streams"
    case .failed(let path, let reason):
      "writing the state store \(path) failed: \(reason); nothing more is acknowledged"
    }
  }
}
