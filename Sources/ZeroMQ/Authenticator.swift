import Foundation
import Synchronization

/// Answers libzmq's question who may come in: ZAP 1.0 (RFC 27) at inproc://zeromq.zap.01, on a
/// thread of its own.
///
/// One serves all sockets of a context. Make it before the first socket is bound and stop it behind
/// the last: a CURVE socket without it would let everyone in.
package final class Authenticator: Sendable {
  private static let endpoint = "inproc://zeromq.zap.01"
  private let stopped: Signal
  private let ended = DispatchSemaphore(value: 0)

  /// Binds, and answers until `stop`; `decide` is called on the authenticator's thread.
  ///
  /// - Throws: a `ZeroMQError`, as where the context has an authenticator already.
  package init(
    _ context: Context,
    decide: @escaping @Sendable (AdmissionRequest) -> AdmissionRequest.Verdict
  ) throws(ZeroMQError) {
    let stopped = try Signal()
    self.stopped = stopped
    let bound = DispatchSemaphore(value: 0)
    let failure = Mutex<ZeroMQError?>(nil)
    let ended = ended
    let thread = Thread {
      Thread.current.name = "authenticator"
      defer { ended.signal() }
      do throws(ZeroMQError) {
        let socket = try Socket<Router>(context)
        do throws(ZeroMQError) {
          try socket.setLinger(.zero)
          try socket.bind(Authenticator.endpoint)
        } catch {
          failure.withLock { $0 = error }
          bound.signal()
          return
        }
        bound.signal()
        try Authenticator.answer(on: socket, until: stopped, decide)
      } catch  where error.function == "zmq_socket" {
        failure.withLock { $0 = error }
        bound.signal()
      } catch  where error.isContextTerminated {
        // Nobody can ask any more.
      } catch {
        // Without answers a CURVE socket would let everyone in from now on.
        fatalError("the authenticator ended: \(error)")
      }
    }
    thread.start()
    bound.wait()
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// Ends the answering, and waits for the thread.
  package func stop() {
    stopped.raise()
    ended.wait()
  }

  private static func answer(
    on socket: borrowing Socket<Router>, until stopped: Signal,
    _ decide: (AdmissionRequest) -> AdmissionRequest.Verdict
  ) throws(ZeroMQError) {
    var poller = Poller()
    poller.add(socket)
    poller.add(stopped)
    var message = Multipart(capacity: 10)
    while !stopped.isRaised {
      _ = try poller.wait(timeout: nil)
      while try socket.receive(into: &message) {
        guard message.partCount >= 4 else { continue }
        let request = AdmissionRequest(message)
        let verdict = request.map(decide)
        let (code, text) = status(verdict)
        let user = verdict == .admit ? request?.key?.text ?? "" : ""
        // Its identity, the delimiter, the version and the request id go back as they came.
        for part in 0..<4 { _ = try socket.send(message.bytes(part), more: true) }
        for (index, part) in [code, text, user, ""].enumerated() {
          _ = try socket.send(part, more: index < 3)
        }
      }
    }
  }

  private static func status(_ verdict: AdmissionRequest.Verdict?) -> (String, String) {
    switch verdict {
    case .admit: ("200", "OK")
    case .deny: ("400", "not admitted")
    case .denyForNow: ("300", "too many connections")
    case nil: ("500", "the request was not understood")
    }
  }
}
