/// The version of this software: `millrace --version`, the Python client and CHANGELOG.md say the
/// same.
package enum Version {
  package static let current = "0.1.0"
}
