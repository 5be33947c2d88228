import FlyingFox
import Foundation
import Synchronization
import Wire

/// One open page: what it subscribes to, and what it has not been sent yet.
///
/// The page says `{"watch":["tap/...",...]}`; it gets a text message ten times a second at most:
/// `{"messages":[...],"skipped":n,"lost":n}`. What a fast stream has too much for the eye is skipped
/// and counted, and a page that does not read loses messages: nothing here waits for it.
final class PageSession: Sendable, WSHandler {
  private let feed: PageFeed
  private let state = Mutex(State())
  private let frames: AsyncStream<WSFrame>
  private let output: AsyncStream<WSFrame>.Continuation

  private struct State {
    var prefixes: Set<String> = []
    /// Topic -> what waits for the next turn, oldest first.
    var waiting: [String: [[UInt8]]] = [:]
    var order: [String] = []
    var skipped: UInt64 = 0
    var lost: UInt64 = 0
    var isFinished = false
  }

  private static let prefixesMax = 16
  private static let prefixBytesMax = 256
  /// Messages of one topic in a turn: as much as an eye can follow.
  private static let messagesMax = 200
  private static let columnsMax = 8
  private static let topicsMax = 500
  /// Turns that wait for a page that does not read.
  private static let framesMax = 20

  init(_ feed: PageFeed) {
    self.feed = feed
    (frames, output) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.framesMax))
  }

  var prefixes: Set<String> { state.withLock { $0.prefixes } }

  // MARK: The page's side

  func makeFrames(
    for client: AsyncThrowingStream<WSFrame, any Error>
  ) async throws -> AsyncStream<WSFrame> {
    guard feed.add(self) else {
      output.yield(.close(code: WSCloseCode(1013, reason: "too many pages are open")))
      output.finish()
      return frames
    }
    let reading = Task {
      do {
        for try await frame in client {
          switch frame.opcode {
          case .text: watch(frame.payload)
          case .ping:
            output.yield(WSFrame(fin: true, opcode: .pong, mask: nil, payload: frame.payload))
          case .close:
            output.yield(.close())
            return finish()
          default: break
          }
        }
      } catch {
        // The connection broke: the page comes back by itself.
      }
      finish()
    }
    output.onTermination = { _ in
      reading.cancel()
      self.feed.remove(self)
    }
    return frames
  }

  private struct Request: Decodable {
    let watch: [String]
  }

  private func watch(_ payload: Data) {
    let request: Request
    do {
      request = try JSONDecoder().decode(Request.self, from: payload)
    } catch {
      // What is no request changes nothing.
      return
    }
    let prefixes = request.watch.filter {
      $0.hasPrefix("tap/") && $0.utf8.count <= Self.prefixBytesMax
    }
    state.withLock { state in
      state.prefixes = Set(prefixes.prefix(Self.prefixesMax))
      let wanted = state.prefixes
      state.order.removeAll { topic in !wanted.contains(where: topic.hasPrefix) }
      state.waiting = state.waiting.filter { topic, _ in wanted.contains(where: topic.hasPrefix) }
    }
  }

  func finish() {
    state.withLock { $0.isFinished = true }
    output.finish()
    feed.remove(self)
  }

  // MARK: The feed's side

  func take(_ message: PublishedMessage, missed: UInt64) {
    state.withLock { state in
      guard state.prefixes.contains(where: message.topic.hasPrefix) else { return }
      state.lost += missed
      if state.waiting[message.topic] == nil {
        guard state.order.count < Self.topicsMax else {
          state.skipped += 1
          return
        }
        state.order.append(message.topic)
      }
      var waiting = state.waiting.removeValue(forKey: message.topic) ?? []
      waiting.append(message.json)
      if waiting.count > (message.isColumn ? Self.columnsMax : Self.messagesMax) {
        waiting.removeFirst()
        state.skipped += 1
      }
      state.waiting[message.topic] = waiting
    }
  }

  /// Sends what has come since the last turn.
  func flush() {
    let text: [UInt8]? = state.withLock { state in
      guard !state.order.isEmpty, !state.isFinished else { return nil }
      var text = Array("{\"messages\":[".utf8)
      var isFirst = true
      for topic in state.order {
        for message in state.waiting[topic] ?? [] {
          if !isFirst { text.append(UInt8(ascii: ",")) }
          isFirst = false
          text.append(contentsOf: message)
        }
      }
      text += "],\"skipped\":\(state.skipped),\"lost\":\(state.lost)}".utf8
      state.waiting.removeAll(keepingCapacity: true)
      state.order.removeAll(keepingCapacity: true)
      return text
    }
    guard let text else { return }
    let frame = WSFrame(fin: true, opcode: .text, mask: nil, payload: Data(text))
    if case .dropped = output.yield(frame) { state.withLock { $0.lost += 1 } }
  }
}
