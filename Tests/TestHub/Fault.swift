extension TestHub {
  /// Something that goes wrong, or just happens, at the next requests to a place.
  package struct Fault: Sendable {
    enum Effect: Sendable {
      case answer(Int, headers: [String: String], message: String)
      case answerAfterwards(Int, message: String)
      case loseRequest
      case loseReply
      case silence
      case reset
      case resetInBody
      case resetAfterwards
      case truncateReply
      case garble
      case run(@Sendable () async throws -> Void)
      case runAfterwards(@Sendable () async throws -> Void)
    }

    let effect: Effect
    let method: String?
    /// Is contained in the path of the requests that it concerns.
    let place: String
    var times: Int
    /// How many of the requests that it concerns are let pass before.
    package var after = 0

    /// Is answered instead of what was asked for.
    package static func status(
      _ status: Int, times: Int = 1, method: String? = nil, at place: String, headers: [String: String] = [:],
      message: String = "on purpose"
    ) -> Fault {
      Fault(effect: .answer(status, headers: headers, message: message), method: method, place: place, times: times)
    }

    /// What was asked for is done, and this is answered: as a gateway does that lost patience.
    package static func statusAfterwards(
      _ status: Int, times: Int = 1, method: String? = nil, at place: String
    ) -> Fault {
      Fault(effect: .answerAfterwards(status, message: "on purpose"), method: method, place: place, times: times)
    }

    /// The connection is closed before anything is done.
    package static func loseRequest(times: Int = 1, at place: String) -> Fault {
      Fault(effect: .loseRequest, method: nil, place: place, times: times)
    }

    /// What was asked for is done, and the connection closed without an answer.
    package static func loseReply(times: Int = 1, at place: String) -> Fault {
      Fault(effect: .loseReply, method: nil, place: place, times: times)
    }

    /// The commit is made, and nobody hears of it.
    package static var loseReplyAfterCommit: Fault { loseReply(at: "/commit/") }

    /// The connection is reset before anything is done.
    package static func reset(times: Int = 1, method: String? = nil, at place: String) -> Fault {
      Fault(effect: .reset, method: method, place: place, times: times)
    }

    /// The connection is reset when some of the request's body has come; at once if it has none.
    package static func resetInBody(times: Int = 1, method: String? = nil, at place: String) -> Fault {
      Fault(effect: .resetInBody, method: method, place: place, times: times)
    }

    /// What was asked for is done, and the connection reset.
    package static func resetAfterwards(times: Int = 1, method: String? = nil, at place: String) -> Fault {
      Fault(effect: .resetAfterwards, method: method, place: place, times: times)
    }

    /// What was asked for is done, and the connection closed in the middle of the answer.
    package static func truncateReply(times: Int = 1, method: String? = nil, at place: String) -> Fault {
      Fault(effect: .truncateReply, method: method, place: place, times: times)
    }

    /// What was asked for is done, and the answer is what no Hub says.
    package static func garble(times: Int = 1, method: String? = nil, at place: String) -> Fault {
      Fault(effect: .garble, method: method, place: place, times: times)
    }

    /// No answer, ever.
    package static func silence(times: Int = 1, method: String? = nil, at place: String) -> Fault {
      Fault(effect: .silence, method: method, place: place, times: times)
    }

    /// Something happens just before the request is done.
    package static func before(
      _ place: String, times: Int = 1, _ body: @escaping @Sendable () async throws -> Void
    ) -> Fault {
      Fault(effect: .run(body), method: nil, place: place, times: times)
    }

    /// Something happens just after the request was done, before it is answered.
    package static func after(
      _ place: String, times: Int = 1, _ body: @escaping @Sendable () async throws -> Void
    ) -> Fault {
      Fault(effect: .runAfterwards(body), method: nil, place: place, times: times)
    }

    func concerns(_ request: RecordedRequest) -> Bool {
      times > 0 && (method == nil || method == request.method) && request.path.contains(place)
    }
  }
}
