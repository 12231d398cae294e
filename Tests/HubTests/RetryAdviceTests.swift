import NIOCore
import NIOHTTP1
import Testing

@testable import Hub

@Suite struct RetryAdviceTests {
  @Test(arguments: [
    (429, ["RateLimit": "\"api\";r=0;t=55"], Duration.seconds(56)),
    (429, ["RateLimit": "\"api\"; r=0; t=55", "Retry-After": "3"], .seconds(56)),
    (429, ["RateLimit": "\"api\";r=10;t=55", "Retry-After": "3"], .seconds(4)),
    (429, ["RateLimit": "\"api\";r=0;t=5, \"commits\";r=0;t=900"], .seconds(901)),
    (429, ["Retry-After": "0"], .zero), (503, ["Retry-After": "7", "RateLimit": "\"api\";r=0;t=55"], .seconds(8)),
  ])
  func isHeard(_ status: Int, _ headers: [String: String], _ pause: Duration) {
    #expect(RetryAdvice.pause(reply(status, headers)) == pause)
  }

  @Test(arguments: [
    (429, ["RateLimit": "\"api\";r=1;t=55"]), (503, ["RateLimit": "\"api\";r=0;t=55"]), (429, [:]),
    (429, ["Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"]), (429, ["Retry-After": "-1"]), (429, ["RateLimit": "r=0"]),
  ])
  func isNotThere(_ status: Int, _ headers: [String: String]) {
    #expect(RetryAdvice.pause(reply(status, headers)) == nil)
  }

  private func reply(_ status: Int, _ headers: [String: String]) -> Reply {
    Reply(
      status: status, headers: HTTPHeaders(headers.map { ($0.key, $0.value) }), body: ByteBuffer(), path: "/",
      requestID: nil)
  }
}
