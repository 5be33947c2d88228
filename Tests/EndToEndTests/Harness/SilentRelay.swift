import Foundation
import Glibc
import Synchronization

/// A TCP relay on the loopback interface whose connections can fall silent.
///
/// Nothing passes any more, and nobody is told: half-open connections, as a cut cable leaves them.
final class SilentRelay: Sendable {
  private enum Phase { case flowing, unanswered, silent, over }

  let port: UInt16
  private let phase = Mutex(Phase.flowing)

  /// Relays to a port of this host.
  init(to target: UInt16) throws {
    let listener = try LoopbackSocket(listeningOn: 0)
    port = listener.port
    // The thread owns all descriptors from here on.
    let descriptor = try listener.duplicate()
    Thread.detachNewThread { [self] in run(listener: descriptor, target: target) }
  }

  /// What is connected is heard, and hears nothing; new connections wait.
  func holdReplies() { phase.withLock { $0 = .unanswered } }

  /// What is connected is never heard of again; new connections wait.
  func fallSilent() { phase.withLock { $0 = .silent } }

  /// New connections pass.
  func flow() { phase.withLock { $0 = .flowing } }

  func end() { phase.withLock { $0 = .over } }

  private struct Pair {
    let ends: [Int32]
    var isSilent = false
  }

  private func run(listener: Int32, target: UInt16) {
    var pairs: [Pair] = []
    defer { for end in pairs.flatMap(\.ends) + [listener] { close(end) } }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let phase = phase.withLock { $0 }
      if phase == .over { return }
      if phase == .silent { for index in pairs.indices { pairs[index].isSilent = true } }
      let live = pairs.filter { !$0.isSilent }.flatMap {
        [($0.ends[0], $0.ends[1])]
          + (phase == .unanswered ? [] : [($0.ends[1], $0.ends[0])])
      }
      var items = live.map { pollfd(fd: $0.0, events: Int16(POLLIN), revents: 0) }
      if phase == .flowing { items.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0)) }
      guard poll(&items, nfds_t(items.count), 20) > 0 else { continue }
      for (index, item) in items.enumerated() where item.revents != 0 {
        if item.fd == listener {
          let accepted = accept(listener, nil, nil)
          guard let other = try? LoopbackSocket(connectedTo: target).duplicate() else {
            close(accepted)
            continue
          }
          pairs.append(Pair(ends: [accepted, other]))
          continue
        }
        let count = recv(item.fd, &buffer, buffer.count, 0)
        if count > 0 {
          _ = send(live[index].1, buffer, count, Int32(MSG_NOSIGNAL))
        } else if let place = pairs.firstIndex(where: { $0.ends.contains(item.fd) }) {
          for end in pairs.remove(at: place).ends { close(end) }
          break
        }
      }
    }
  }
}
