import Hummingbird

extension Core {
  func addAccounts(to router: Router<HubContext>) {
    router.get("api/whoami-v2") { _, context in
      guard context.isKnown else { throw Refusal(401, "Invalid username or password.") }
      let access: [String: Any] = ["displayName": "test", "role": context.caller == .writer ? "write" : "read"]
      return try json([
        "type": "user", "id": "0123456789abcdef01234567", "name": self.options.user, "fullname": "A Tester",
        "orgs": [["type": "org", "name": "testers"]],
        "auth": ["type": "access_token", "accessToken": access] as [String: Any],
      ])
    }
  }
}
