import Testing

@testable import Millrace

/// Credit: what a peer may send.
struct ConnectionTests {
  private let connection = Connection(routingID: [1], window: 100, milliseconds: 0)

  @Test func theWindowBoundsWhatIsOutstanding() {
    #expect(connection.credit == 100)
    #expect(connection.receive(units: 60))
    connection.hold(units: 60)
    #expect(connection.credit == 100)
    #expect(connection.creditToAnnounce() == nil)
    connection.release(units: 20)
    // Less than a quarter of the window: not worth a message yet.
    #expect(connection.credit == 120 && connection.creditToAnnounce() == nil)
    connection.release(units: 5)
    #expect(connection.creditToAnnounce() == 125)
    connection.announce(125)
    #expect(connection.creditToAnnounce() == nil)
    // All is covered: the peer hears of its full window.
    connection.release(units: 35)
    #expect(connection.creditToAnnounce() == 160)
  }

  @Test func moreThanTheCreditIsNoticed() {
    #expect(connection.receive(units: 100))
    #expect(!connection.receive(units: 1))
  }

  @Test func refusedInputGivesItsCreditBack() {
    // Received, never held: a client that sends only refused input is not starved.
    #expect(connection.receive(units: 100))
    #expect(connection.creditToAnnounce() == 200)
  }

  @Test func aWelcomeCountsAnew() {
    #expect(connection.receive(units: 70))
    connection.hold(units: 70)
    connection.welcome()
    #expect(connection.received == 0 && connection.announced == 30)
  }

  @Test func releasesNeverGoBelowNothing() {
    connection.hold(units: 5)
    connection.release(units: 9)
    #expect(connection.outstanding == 0 && connection.credit == 100)
  }
}
