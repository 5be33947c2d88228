import Foundation

/// What is piped in, where all of it is wanted at once.
package enum StandardInput {
  /// Reads to the end, or one byte further than `limit`, so that more can be told from as much.
  ///
  /// - Throws: the file system's error.
  package static func read(upTo limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count <= limit,
      let chunk = try FileHandle.standardInput.read(upToCount: limit + 1 - bytes.count),
      !chunk.isEmpty
    {
      bytes += chunk
    }
    return bytes
  }
}
