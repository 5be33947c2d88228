import Foundation
import Glibc

/// A folder on a disk that can be full, fail, and forget what was not synced: `Tests/Faults/disk.c`,
/// loaded under the binary, notes every write and sync of its files.
final class FaultyDisk {
  enum Fault: UInt8 {
    case none = 0x2E  // .
    /// Nothing can be written: ENOSPC.
    case full = 0x46  // F
    /// SQLite's file cannot be written, but its log can: ENOSPC.
    case databaseFull = 0x4D  // M
    /// Syncing fails: EIO.
    case syncFails = 0x53  // S
    /// The next sync fails, and none after it, as Linux tells it: EIO.
    case syncFailsOnce = 0x4F  // O
  }

  /// What a power cut leaves of the writes that were not synced.
  enum Survival {
    case nothing
    /// Each by chance: all of it, nothing, or some of its sectors.
    case chance(SeededGenerator)
    /// All but the end of the last one.
    case allButTheLastEnd(SeededGenerator)
  }

  let folder: TemporaryFolder
  /// Holds what the disk itself keeps.
  private let own: TemporaryFolder
  /// What is on the disk for certain, as the journal begins.
  private var base: [String: [UInt8]] = [:]

  private static let sectorBytes = 512

  init() throws {
    folder = try TemporaryFolder()
    own = try TemporaryFolder()
    try own.write("switch", ".")
    try own.write("journal", "")
  }

  var variables: [String: String] {
    [
      "LD_PRELOAD": Checkout.faults, "FAULT_DISK_FOLDER": folder.path,
      "FAULT_DISK_JOURNAL": own.file("journal"), "FAULT_DISK_SWITCH": own.file("switch"),
    ]
  }

  /// What fails from now on.
  func set(_ fault: Fault) throws {
    // In place: the processes have it mapped.
    let handle = try FileHandle(forUpdating: URL(filePath: own.file("switch")))
    try handle.write(contentsOf: Data([fault.rawValue]))
    try handle.close()
  }

  /// Puts the files back to what a power cut leaves; all processes have been killed.
  func cutPower(_ survival: inout Survival) throws {
    var files = try replay()
    for path in files.keys.sorted() {
      files[path]?.lose(&survival)
      guard let file = files[path] else { continue }
      // SQLite makes the index of its log anew.
      guard !file.isUnlinked, !path.hasSuffix("-shm") else {
        unlink(path)
        base[path] = nil
        continue
      }
      try Data(file.synced).write(to: URL(filePath: path))
      base[path] = file.synced
    }
    try own.write("journal", "")
  }

  /// What the journal says of each file.
  private func replay() throws -> [String: DiskFile] {
    let journal = [UInt8](try Data(contentsOf: URL(filePath: own.file("journal"))))
    var files = base.mapValues { DiskFile(synced: $0) }
    var names: [UInt64: String] = [:]
    var place = 0
    while place + 40 <= journal.count {
      let head = Array(journal[place..<place + 40]).loaded(as: UInt64.self)
      let end = place + 40 + Int(head[3])
      // The last record may have been cut off: nobody went on behind it.
      guard end <= journal.count else { break }
      let bytes = Array(journal[place + 40..<end])
      place = end
      if head[0] == 1 {
        let name = String(decoding: bytes, as: UTF8.self)
        names[head[1]] = name
        if files[name] == nil || files[name]?.isUnlinked == true { files[name] = DiskFile() }
        continue
      }
      guard let name = names[head[1]] else {
        throw HarnessError.unexpected("the journal has a file that was not opened")
      }
      switch head[0] {
      case 2: files[name]?.pending.append(.write(at: Int(head[2]), bytes))
      case 3: files[name]?.pending.append(.cut(to: Int(head[2])))
      case 4: files[name]?.sync()
      case 5: files[name] = DiskFile(isUnlinked: true)
      default: throw HarnessError.unexpected("the journal has an operation \(head[0])")
      }
    }
    return files
  }

  private struct DiskFile {
    enum Change {
      case write(at: Int, [UInt8])
      case cut(to: Int)
    }

    var synced: [UInt8] = []
    var pending: [Change] = []
    var isUnlinked = false

    mutating func sync() {
      for change in pending { apply(change) }
      pending = []
    }

    private mutating func apply(_ change: Change) {
      switch change {
      case .write(let place, let bytes):
        if synced.count < place + bytes.count {
          synced += Array(repeating: 0, count: place + bytes.count - synced.count)
        }
        synced.replaceSubrange(place..<place + bytes.count, with: bytes)
      case .cut(let length):
        let more = max(0, length - synced.count)
        synced = Array(synced.prefix(length)) + Array(repeating: 0, count: more)
      }
    }

    mutating func lose(_ survival: inout Survival) {
      switch survival {
      case .nothing: pending = []
      case .chance(var chance):
        let changes = pending
        pending = []
        for change in changes { surviveByChance(change, &chance) }
        survival = .chance(chance)
      case .allButTheLastEnd(var chance):
        if case .write(let place, let bytes)? = pending.last {
          let count = Int.random(in: 0..<bytes.count, using: &chance)
          pending[pending.count - 1] = .write(at: place, Array(bytes.prefix(count)))
        }
        survival = .allButTheLastEnd(chance)
        sync()
      }
    }

    private mutating func surviveByChance(_ change: Change, _ chance: inout SeededGenerator) {
      switch (Int.random(in: 0..<3, using: &chance), change) {
      case (0, _): break
      case (1, .write(let place, let bytes)):
        for from in stride(from: 0, to: bytes.count, by: FaultyDisk.sectorBytes)
        where Bool.random(using: &chance) {
          let to = min(bytes.count, from + FaultyDisk.sectorBytes)
          apply(.write(at: place + from, Array(bytes[from..<to])))
        }
      default: apply(change)
      }
    }
  }
}

extension Checkout {
  /// The library that stands between the binary and libc.
  static let faults = URL(filePath: millrace).deletingLastPathComponent()
    .appending(path: "libFaults.so").path
}
