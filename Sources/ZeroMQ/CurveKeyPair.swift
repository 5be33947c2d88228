import CZeroMQ

/// A key pair of CURVE; it never shows its secret half by itself.
package struct CurveKeyPair: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  package let publicKey: CurveKey
  /// 40 characters of Z85; for a key file and for libzmq alone.
  package let secretText: String

  /// Makes a new pair, whose public key begins with a letter or a digit: no command line takes it
  /// for an option.
  ///
  /// - Throws: a `ZeroMQError` where libzmq was built without CURVE.
  package static func generate() throws(ZeroMQError) -> CurveKeyPair {
    while true {
      let pair = try any()
      if pair.publicKey.text.first?.isLetter == true || pair.publicKey.text.first?.isNumber == true
      {
        return pair
      }
    }
  }

  private static func any() throws(ZeroMQError) -> CurveKeyPair {
    var secret: String?
    let text = CurveKey.text { publicKey in
      secret = CurveKey.text { zmq_curve_keypair(publicKey, $0) == 0 }
      return secret != nil
    }
    guard let text, let key = CurveKey(text), let secret else {
      throw ZeroMQError("zmq_curve_keypair")
    }
    return CurveKeyPair(publicKey: key, secretText: secret)
  }

  /// The pair of a secret key; nil for what is none.
  package init?(secretText: some StringProtocol) {
    guard CurveKey.decode(secretText) != nil else { return nil }
    let secret = String(secretText)
    guard let text = CurveKey.text({ zmq_curve_public($0, secret) == 0 }), let key = CurveKey(text)
    else { return nil }
    self.init(publicKey: key, secretText: secret)
  }

  private init(publicKey: CurveKey, secretText: String) {
    self.publicKey = publicKey
    self.secretText = secretText
  }

  package var description: String { publicKey.text }
  package var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey.text]) }
}

/// What a client needs to speak to a CURVE server.
package struct CurveClientKeys: Sendable, Equatable {
  /// The client's own.
  package let pair: CurveKeyPair
  /// The server's public key.
  package let server: CurveKey

  package init(pair: CurveKeyPair, server: CurveKey) {
    self.pair = pair
    self.server = server
  }
}

extension Socket {
  /// Takes only peers that know this public key; set it before `bind`.
  package func setCurveServer(_ pair: CurveKeyPair) throws(ZeroMQError) {
    try set(ZMQ_CURVE_SERVER, "ZMQ_CURVE_SERVER", 1)
    try set(ZMQ_CURVE_SECRETKEY, "ZMQ_CURVE_SECRETKEY", text: pair.secretText)
  }

  /// Speaks CURVE to a server; set it before `connect`.
  package func setCurveClient(_ keys: CurveClientKeys) throws(ZeroMQError) {
    try set(ZMQ_CURVE_SERVERKEY, "ZMQ_CURVE_SERVERKEY", text: keys.server.text)
    try set(ZMQ_CURVE_PUBLICKEY, "ZMQ_CURVE_PUBLICKEY", text: keys.pair.publicKey.text)
    try set(ZMQ_CURVE_SECRETKEY, "ZMQ_CURVE_SECRETKEY", text: keys.pair.secretText)
  }

  /// What the authenticator is told of who connects here; set it before `bind`.
  ///
  /// With a domain, peers without CURVE are asked about too, and let in by nobody where no
  /// authenticator is there. With CURVE libzmq lets everyone in then (`curve_server.cpp`,
  /// process_initiate): have the `Authenticator` up before.
  package func setAuthenticationDomain(_ domain: String) throws(ZeroMQError) {
    try set(ZMQ_ZAP_DOMAIN, "ZMQ_ZAP_DOMAIN", text: domain)
  }

  private func set(_ option: Int32, _ name: String, text: String) throws(ZeroMQError) {
    // With the closing zero, as CURVE keys of 41 bytes are given (zmq_setsockopt(3)).
    let isKey = text.utf8.count == CurveKey.characterCount
    guard zmq_setsockopt(pointer, option, text, text.utf8.count + (isKey ? 1 : 0)) == 0 else {
      throw ZeroMQError("zmq_setsockopt", name)
    }
  }
}
