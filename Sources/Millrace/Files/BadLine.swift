/// Data in a file that cannot be used: where, what, and what was expected.
package struct BadLine: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }

  /// `line` counts from 1; 0 is the file as a whole.
  package init(_ file: String, line: Int = 0, _ message: String) {
    description = line > 0 ? "\(file):\(line): \(message)" : "\(file): \(message)"
  }
}
