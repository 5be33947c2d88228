/// What a socket's monitor and a poller need to know of it; all are on one thread.
final class SocketPhase {
  /// Whether it is still open.
  var isOpen = true
  /// Whether it had nothing to read when libzmq looked last and was not used since: until its
  /// descriptor wakes a poller, there is nothing.
  ///
  /// A send may take note of what has come (`socket_base_t::process_commands`), so that the descriptor
  /// does not tell of it any more.
  var isQuiet = false
}
