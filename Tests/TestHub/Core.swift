import Crypto
import Foundation
import Hummingbird
import Synchronization

/// What the routes share.
final class Core: Sendable {
  let options: TestHub.Options
  let state: Mutex<State>
  /// Where uploaded objects lie.
  let directory: URL
  /// The URL of the storage behind the Hub, known as soon as it runs.
  let storage = Mutex("")
  /// Rings when a request comes and after each answer.
  let answers: AsyncStream<Void>
  let bell: AsyncStream<Void>.Continuation
  /// Signs URLs.
  let secret = SymmetricKey(size: .bits256)

  init(_ options: TestHub.Options) throws {
    self.options = options
    (answers, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    directory = FileManager.default.temporaryDirectory.appending(path: "testhub-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    var state = State()
    for repo in options.existingRepos { state.repos[repo] = Repository(isPrivate: false) }
    self.state = Mutex(state)
  }

  func removeFiles() {
    try? FileManager.default.removeItem(at: directory)
  }

  func router() -> Router<HubContext> {
    let router = Router(context: HubContext.self)
    router.add(middleware: ReplyHeaders(core: self))
    router.add(middleware: Recorder(core: self))
    router.add(middleware: FaultInjector(core: self))
    router.add(middleware: Renaming(core: self))
    router.add(middleware: Authentication(core: self))
    addAccounts(to: router)
    addRepos(to: router)
    addCards(to: router)
    addModels(to: router)
    addTrees(to: router)
    addReferences(to: router)
    addPreupload(to: router)
    addLFS(to: router)
    addStorage(to: router)
    addCommits(to: router)
    addDownloads(to: router)
    addRaw(to: router)
    return router
  }
}

/// All that a Hub remembers.
struct State: Sendable {
  /// LFS objects belong to one repo: the same content in another has to be uploaded again.
  struct ObjectKey: Hashable, Sendable {
    let repo: String
    let sha256: String
  }
  var repos: [String: Repository] = [:]
  var renamed: [String: String] = [:]
  var objects: [ObjectKey: StoredObject] = [:]
  var uploads: [String: PartialUpload] = [:]
  var requests: [RecordedRequest] = []
  var beingAnswered = 0
  var mostAtOnce = 0
  var faults: [TestHub.Fault] = []

  func contents(of commit: Repository.Commit, in repo: String) -> [String: [UInt8]] {
    commit.tree.mapValues { blob in
      switch blob {
      case .regular(let bytes): bytes
      case .lfs(let pointer): objects[.init(repo: repo, sha256: pointer.sha256)]?.contents() ?? []
      }
    }
  }
}
