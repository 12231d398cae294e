import Foundation
import Synchronization

extension TestHub {
  /// A commit as a test looks at it.
  package struct Commit: Sendable {
    package let oid: String
    package let parent: String?
    package let title: String
    /// The whole tree at that commit: path and content.
    package let files: [String: [UInt8]]
  }

  /// Every request so far, in the order in which they came.
  package var requests: [RecordedRequest] { core.state.withLock { $0.requests } }

  /// Takes back what was injected and has not happened.
  package func takeBackFaults() { core.state.withLock { $0.faults = [] } }

  /// Whether everything that was injected has happened.
  package var hasNoFaultsLeft: Bool { core.state.withLock { $0.faults.isEmpty } }

  /// The most requests that were being answered at a time.
  package var mostAtOnce: Int { core.state.withLock { $0.mostAtOnce } }

  /// The content of every file at the head of `revision`; empty if there is no such thing.
  package func files(_ repo: String, revision: String = "main") -> [String: [UInt8]] {
    core.state.withLock { state in
      guard let repository = state.repos[repo], let commit = repository.commit(revision) else { return [:] }
      return state.contents(of: commit, in: repo)
    }
  }

  /// The commits of `revision`, newest first; empty if there is no such thing.
  package func commits(_ repo: String, revision: String = "main") -> [Commit] {
    core.state.withLock { state in
      guard let repository = state.repos[repo] else { return [] }
      return repository.history(of: revision).map { commit in
        Commit(
          oid: commit.oid, parent: commit.parent, title: commit.title, files: state.contents(of: commit, in: repo))
      }
    }
  }

  /// Whether the repo is private; `nil` if it is not there.
  package func isPrivate(_ repo: String) -> Bool? { core.state.withLock { $0.repos[repo]?.isPrivate } }

  /// The commit that each tag names.
  package func tags(_ repo: String) -> [String: String] { core.state.withLock { $0.repos[repo]?.tags ?? [:] } }

  /// Makes a repo with its first commit. One that is there already stays as it is.
  package func createRepo(_ repo: String, isPrivate: Bool = false) {
    core.state.withLock { state in
      if state.repos[repo] == nil { state.repos[repo] = Repository(isPrivate: isPrivate) }
    }
  }

  /// Makes a commit as somebody else would, who changes only `files`. The repo is made if it is not there.
  ///
  /// - Returns: the commit.
  @discardableResult
  package func commitByHand(
    _ repo: String, files: [String: [UInt8]], title: String = "by hand", revision: String = "main"
  ) -> String {
    core.state.withLock { state in
      var repository = state.repos[repo] ?? Repository(isPrivate: false)
      let oid = repository.commit(title: title, message: "", to: revision) { tree in
        for (path, content) in files { tree[path] = .regular(content) }
      }
      state.repos[repo] = repository
      return oid
    }
  }

  /// Gives the repo another name; the Hub leads from the old one to the new.
  package func rename(_ old: String, to new: String) {
    core.state.withLock { state in
      state.repos[new] = state.repos.removeValue(forKey: old)
      for (key, object) in state.objects where key.repo == old {
        state.objects[key] = nil
        state.objects[.init(repo: new, sha256: key.sha256)] = object
      }
      state.renamed[old] = new
    }
  }

  /// Loses what is stored for the repo outside of git, as if it had been deleted and made again.
  package func forgetObjects(_ repo: String) {
    core.state.withLock { state in
      for key in state.objects.keys where key.repo == repo { state.objects[key] = nil }
    }
  }

  /// Lets something go wrong. What is injected first happens first.
  package func inject(_ fault: Fault) {
    core.state.withLock { $0.faults.append(fault) }
  }
}

extension TestHub {
  /// Waits until `condition` holds; it is looked at when a request comes and after its answer. For one at a time.
  package func wait(isolation: isolated (any Actor)? = #isolation, until condition: () -> Bool) async {
    if condition() { return }
    var answers = core.answers.makeAsyncIterator()
    while await answers.next(isolation: isolation) != nil, !condition() {}
  }
}
