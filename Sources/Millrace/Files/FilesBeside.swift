import Foundation

/// Files in the folder of another file.
package enum FilesBeside {
  /// More names are not looked through.
  private static let nameCountMax = 2000

  /// The first of some names that is there, as a path; `NAME` in one stands for the file's own name
  /// without its endings.
  static func first(of names: [String], beside path: String) -> String? {
    let url = URL(fileURLWithPath: path)
    let stem = String(url.lastPathComponent.prefix { $0 != "." })
    let folder =
      path.contains("/") ? String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) : ""
    return names.lazy.map { folder + $0.replacing("NAME", with: stem) }
      .first { $0 != path && FileManager.default.fileExists(atPath: $0) }
  }

  /// The file of that folder whose name is nearest to one that is missing; nil when none is near.
  package static func nearest(to path: String) -> String? {
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent().path(percentEncoded: false)
    let found = try? FileManager.default.contentsOfDirectory(atPath: folder)  // why: none to offer
    guard let names = found,
      let nearest = NearestName.of(
        url.lastPathComponent, among: Array(names.sorted().prefix(nameCountMax)))
    else { return nil }
    return String(path.dropLast(url.lastPathComponent.count)) + nearest
  }
}
