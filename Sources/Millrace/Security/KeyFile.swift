import Foundation
import Glibc
import ZeroMQ

/// Files with a CURVE key pair, in the form of CZMQ's and pyzmq's certificates.
///
/// ```
/// #   ZeroMQ CURVE **Secret** Certificate
/// metadata
/// curve
///     public-key = "40 characters"
///     secret-key = "40 characters"
/// ```
package enum KeyFile {
  package struct Failure: Error, Equatable, CustomStringConvertible {
    package let description: String
  }

  /// What stands before the name of a systemd credential.
  private static let credentialPrefix = "credential:"

  /// The path of a key file, or of a systemd credential (`credential:NAME`).
  ///
  /// - Throws: a `Failure` where the credential cannot be: no such service, or no plain name.
  static func path(of name: String) throws(Failure) -> String {
    guard name.hasPrefix(credentialPrefix) else { return name }
    let credential = name.dropFirst(credentialPrefix.count)
    guard credential.wholeMatch(of: /[A-Za-z0-9._-]{1,255}/) != nil, credential != "..",
      credential != "."
    else { throw Failure(description: "\(name) names no credential; expected A-Z a-z 0-9 . _ -") }
    guard let folder = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] else {
      throw Failure(
        description: "\(name): there is no CREDENTIALS_DIRECTORY; run as a systemd service with "
          + "LoadCredential=\(credential):FILE, or name the key file")
    }
    return "\(folder)/\(credential)"
  }

  /// Reads a pair that nobody else can read.
  ///
  /// `name` is a path, or `credential:NAME`.
  ///
  /// - Throws: a `Failure` for a file that is missing, open to others, or holds no pair.
  package static func read(_ name: String) throws(Failure) -> CurveKeyPair {
    guard CurveKey(name) == nil || access(name, F_OK) == 0 else {
      throw Failure(
        description: "a key stands where its file is to be named; write it to a file "
          + "(millrace keygen FILE makes a pair)")
    }
    let path = try path(of: name)
    let text = try contents(of: path, isCredential: path != name)
    guard let secret = value("secret-key", in: text),
      let pair = CurveKeyPair(secretText: secret)
    else {
      throw Failure(
        description: "\(path): no secret-key of 40 characters; expected a key pair file "
          + "(millrace keygen FILE makes one)")
    }
    if let named = value("public-key", in: text), named != pair.publicKey.text {
      throw Failure(
        description: "\(path): its public-key is \(named), but its secret-key belongs to "
          + "\(pair.publicKey)")
    }
    return pair
  }

  /// A public key as it is written, or that of a file: a certificate, or the key alone.
  ///
  /// - Throws: a `Failure` for what is neither.
  package static func publicKey(_ text: String) throws(Failure) -> CurveKey {
    if let key = CurveKey(text) { return key }
    guard let file = FileManager.default.contents(atPath: text) else {
      throw Failure(
        description: "\(text) is neither a public key (40 characters) nor a file that can be read")
    }
    let contents = String(decoding: file.prefix(64 * 1024), as: UTF8.self)
    let alone = contents.trimmingCharacters(in: .whitespacesAndNewlines)
    guard let key = CurveKey(alone) ?? value("public-key", in: contents).flatMap({ CurveKey($0) })
    else { throw Failure(description: "\(text): no public-key of 40 characters") }
    return key
  }

  /// The public key of a file that the command line names.
  ///
  /// - Throws: a `TextFile.Failure` where it is missing, else as above.
  package static func publicKey(ofFile path: String) throws -> CurveKey {
    guard access(path, F_OK) == 0 else {
      throw TextFile.Failure.missing(
        path: path, expected: "a key file (millrace keygen \(path) makes one)")
    }
    return try publicKey(path)
  }

  /// Writes a new pair to a file that only its owner may read; an existing file is left alone.
  ///
  /// - Throws: a `FileFailure` naming the file.
  package static func write(_ pair: CurveKeyPair, to path: String) throws(FileFailure) {
    let text = """
      #   ZeroMQ CURVE **Secret** Certificate, made by millrace keygen.
      #   Give this file to nobody; give out the public key alone.
      metadata
      curve
          public-key = "\(pair.publicKey)"
          secret-key = "\(pair.secretText)"

      """
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      let code = errno
      throw FileFailure(
        code == EEXIST
          ? "\(path): exists already; name a new file"
          : "\(path): cannot be made: \(String(cString: strerror(code))) (\(code)); "
            + "expected a folder that exists and may be written to")
    }
    defer { close(descriptor) }
    // Whatever the umask says.
    let bytes = Array(text.utf8)
    guard fchmod(descriptor, 0o600) == 0,
      Glibc.write(descriptor, bytes, bytes.count) == bytes.count,
      fsync(descriptor) == 0
    else {
      let code = errno
      unlink(path)
      throw FileFailure("\(path): cannot be written: \(String(cString: strerror(code))) (\(code))")
    }
  }

  /// The text of a secret file, read by the descriptor that was looked at.
  private static func contents(of path: String, isCredential: Bool) throws(Failure) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw Failure(
        description: "\(path): the key file cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Failure(description: "\(path): is no file")
    }
    // systemd lets its service read a credential by an ACL, which shows as a mode of the group.
    let others: mode_t = isCredential ? 0o007 : 0o077
    guard status.st_mode & others == 0 else {
      throw Failure(
        description: "\(path): a secret key that others can read (mode "
          + "\(String(status.st_mode & 0o777, radix: 8))); expected 600: chmod 600 \(path)")
    }
    guard isCredential || status.st_uid == geteuid() || status.st_uid == 0 else {
      throw Failure(
        description: "\(path): belongs to user \(status.st_uid); expected \(geteuid()) or root")
    }
    var bytes = [UInt8](repeating: 0, count: 64 * 1024)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  /// `NAME = "VALUE"` in a certificate.
  private static func value(_ name: String, in text: String) -> String? {
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.trimmingCharacters(in: .whitespaces)
      guard line.hasPrefix(name) else { continue }
      let rest = line.dropFirst(name.count).trimmingCharacters(in: .whitespaces)
      guard rest.hasPrefix("=") else { continue }
      let value = rest.dropFirst().trimmingCharacters(in: .whitespaces)
      return value.hasPrefix("\"") && value.hasSuffix("\"") && value.count >= 2
        ? String(value.dropFirst().dropLast()) : value
    }
    return nil
  }
}
