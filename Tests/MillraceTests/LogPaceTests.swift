import Testing

@testable import Millrace

struct LogPaceTests {
  @Test func oneLineASecondAndTheRestIsCounted() {
    var pace = LogPace()
    #expect(pace.admit(milliseconds: 5000) == 0)
    #expect(pace.admit(milliseconds: 5001) == nil)
    #expect(pace.admit(milliseconds: 5999) == nil)
    #expect(pace.admit(milliseconds: 6000) == 2)
    #expect(pace.admit(milliseconds: 9000) == 0)
  }
}
