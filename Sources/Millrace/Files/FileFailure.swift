/// A file that cannot be written, or must not be.
package struct FileFailure: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
