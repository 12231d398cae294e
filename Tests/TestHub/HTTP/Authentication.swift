import Hummingbird
import Synchronization

/// Finds out who asks. A token that is not known is refused everywhere, also where none is needed; signed URLs are not
/// the Hub's business.
struct Authentication: RouterMiddleware {
  let core: Core

  func handle(
    _ request: Request, context: HubContext, next: (Request, HubContext) async throws -> Response
  ) async throws -> Response {
    var context = context
    if let value = request.header("Authorization"), request.query(Signature.field).isEmpty {
      switch value {
      case "Bearer \(core.options.token)": context.caller = .writer
      case "Bearer \(core.options.readToken)": context.caller = .reader
      default: throw Refusal(401, "Invalid credentials in Authorization header")
      }
    }
    return try await next(request, context)
  }
}

extension Core {
  /// The repo of the request's path, if it is for the caller's eyes.
  ///
  /// - Throws: ``Refusal``: 404, or to somebody unknown 401, which does not give away whether there is such a repo.
  func repository(_ context: HubContext) throws -> (id: String, repository: Repository) {
    let id = try context.repo()
    guard let repository = state.withLock({ $0.repos[id] }), context.isKnown || !repository.isPrivate else {
      throw context.isKnown ? Refusal.noRepo : Refusal(401, "Invalid username or password.")
    }
    return (id, repository)
  }

  /// The commit that the request's path names as `:revision`.
  func commit(_ context: HubContext) throws -> (id: String, repository: Repository, commit: Repository.Commit) {
    let (id, repository) = try repository(context)
    let revision = try context.path("revision")
    guard let commit = repository.commit(revision) else { throw Refusal.noRevision(revision) }
    return (id, repository, commit)
  }
}
