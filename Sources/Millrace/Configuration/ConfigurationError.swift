import Tokenization

/// What is wrong with a pipeline file, and where.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  package var file: String
  /// 1-based; 0 when the whole file is meant.
  package var line: Int
  package var column: Int
  package var message: String

  package init(file: String, line: Int = 0, column: Int = 0, message: String) {
    self.file = file
    self.line = line
    self.column = column
    // Keys and values of the file stand in it as they are.
    self.message = PrintableText.line(message)
  }

  package var description: String {
    line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)"
  }
}
