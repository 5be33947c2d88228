import CZeroMQ

/// What a socket is, as a type: a `Socket<Publish>` has no `receive`.
package protocol SocketKind {
  static var type: Int32 { get }
}

/// Kinds that can send.
package protocol Sends: SocketKind {}

/// Kinds that can receive.
package protocol Receives: SocketKind {}

package enum Dealer: Sends, Receives { package static let type = ZMQ_DEALER }
package enum Router: Sends, Receives { package static let type = ZMQ_ROUTER }
package enum Publish: Sends { package static let type = ZMQ_PUB }
/// Sends, and receives the subscriptions.
package enum ExtendedPublish: Sends, Receives { package static let type = ZMQ_XPUB }
package enum Subscribe: Receives { package static let type = ZMQ_SUB }
package enum Pair: Sends, Receives { package static let type = ZMQ_PAIR }
