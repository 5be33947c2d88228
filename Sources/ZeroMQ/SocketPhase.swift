/// Whether a socket is still open, for its monitor; both are on one thread.
final class SocketPhase {
  var isOpen = true
}
