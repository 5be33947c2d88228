import Logging
import Testing
import ZeroMQ

@testable import Millrace

/// Keys, lists of clients, and what a pipeline file may say of them.
struct SecurityTests {
  private static let one = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
  private static let two = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return "\(error)"
    }
  }

  private func list(_ text: String) throws -> ClientList {
    try ClientList(text: text, path: "c.keys")
  }

  @Test func aListOfClientsIsReadLineByLine() throws {
    let list = try list(
      "# who may what\n\n\(Self.one)  send,tap   gateway 1\r\n  \(Self.two) control\n#\n#\(Self.two.dropFirst()) send"
    )
    let keys = try [Self.one, Self.two].map { try #require(CurveKey($0)) }
    #expect(
      list.entries == [
        keys[0]: .init(permissions: [.send, .tap], name: "gateway 1"),
        keys[1]: .init(permissions: [.control], name: ""),
      ])
    #expect(try self.list("").entries.isEmpty)
  }

  @Test func aWrongListNamesTheLine() {
    func refused(_ text: String, _ words: String) {
      #expect(message { _ = try list(text) }.hasPrefix("c.keys:2:1: \(words)"))
    }
    refused("\nabc send\n", "\"abc\" is no public key")
    refused("\n\(Self.one)\n", "the key may do nothing")
    refused("\n\(Self.one) tab\n", "\"tab\" is no permission")
    refused("\(Self.one) tap\n\(Self.one) send\n", "the key stands here twice")
  }

  @Test func anEndpointIsEncryptedOverTCPUnlessTheFileSaysWhich() throws {
    func file(_ more: String) throws -> PipelineFile {
      try PipelineFile(
        text: "model: m.keras\ningress: ipc:///tmp/x\nmonitor: tcp://127.0.0.1:1\n\(more)\n",
        path: "/p/x.yaml")
    }
    func encrypted(_ file: PipelineFile) -> [Bool] {
      file.bindings.map { file.isEncrypted($0.kind, at: $0.endpoint) }
    }
    // In the order ingress, control (an ipc socket of its own, unless said), monitor.
    #expect(encrypted(try file("")) == [false, false, false])
    let all = try file("curve: { key: a.key, clients: c.keys }")
    #expect(encrypted(all) == [false, false, true])
    #expect(all.curve?.key == "/p/a.key")
    #expect(all.curve?.clients == "/p/c.keys")
    let some = try file(
      "curve: { key: \"credential:a\", endpoints: [ingress], server-key: \"\(Self.one)\" }")
    #expect(encrypted(some) == [true, false, false])
    #expect(some.curve?.key == "credential:a")
    #expect(some.curve?.serverKey?.text == Self.one)
  }

  /// `#`, `$` and `{` are characters of a key, which stands in the file as it is.
  @Test func keysAreNotExpanded() throws {
    let key = "a${HOME}}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]y"
    let file = try PipelineFile(
      text: "model: m.keras\ncurve: { server-key: \"\(key)\" }\n", path: "/p/x.yaml")
    #expect(file.curve?.serverKey?.text == key)
  }

  @Test("fault 35: off loopback needs keys or words")
  func offLoopbackNeedsKeysOrWords() throws {
    func said(_ more: String) -> String {
      message {
        _ = try PipelineFile(
          text: "model: m.keras\ningress: tcp://*:1\nmonitor: tcp://10.0.0.1:2\nhttp: 0.0.0.0:3\n"
            + more,
          path: "/p/x.yaml")
      }
    }
    #expect(said("").contains("\"ingress\" is off loopback (*) and nothing encrypts it"))
    #expect(said("allow-plaintext: [ingress]\n").contains("\"monitor\" is off loopback (10.0.0.1)"))
    #expect(said("curve: { key: a.key }\n").contains("\"http\" is off loopback (0.0.0.0)"))
    #expect(said("curve: { key: a.key }\nallow-plaintext: [http]\n") == "")
    #expect(said("allow-plaintext: true\n") == "")
    #expect(said("allow-plaintext: [ingres]\n").contains("did you mean \"ingress\"?"))
    #expect(said("allow-plaintext: yes\n").contains("expected true or false"))
  }

  @Test func whatIsNotEncryptedOffLoopbackIsNamed() throws {
    let file = try PipelineFile(
      text: "model: m.keras\ningress: tcp://*:1\nmonitor: tcp://127.0.0.1:2\nallow-plaintext: true",
      path: "/p/x.yaml")
    #expect(file.unencryptedOffLoopback == ["ingress"])
  }
}
