/// What can happen to an adapter or to the daemon, as an entry's `ADAPTERD_EVENT` names it.
///
/// The names are a contract: people's `journalctl` filters and scripts match them.
package enum Event: String, Sendable, CaseIterable {
  case adapterFound = "adapter-found"
  case adapterIncomplete = "adapter-incomplete"
  case bundleReady = "bundle-ready"
  case uploadStarted = "upload-started"
  case published
  case unchanged
  case superseded
  case retry
  case failed
  case watchDegraded = "watch-degraded"
  case rescan
  case verdict
  case downloads
  case configReloaded = "config-reloaded"

  /// The entry's `MESSAGE_ID`: 128 random bits in hexadecimal, one for each kind of event, by which
  /// `journalctl --catalog` finds its explanation.
  ///
  /// Never change one and never give one to another event: see sd-id128(3) and
  /// <https://systemd.io/CATALOG>.
  package var messageID: String {
    switch self {
    case .adapterFound: "f30dcdcca3974be0866cd2e6f8c17d55"
    case .adapterIncomplete: "438b09290aec40c3a07472def78d4b6e"
    case .bundleReady: "6981a826251a4c73bdb6283b6836edb6"
    case .uploadStarted: "9e14756ec4534e0abee3cec1890b4c71"
    case .published: "0efbdfb37b394af5a822d82256afb585"
    case .unchanged: "1888e27d44c44058b11d869c631ef8e7"
    case .superseded: "87a7dff9390a47e8ada3420709ac5cff"
    case .retry: "49cb02aa52a14ebe8d0b29ddde5aa723"
    case .failed: "c8794c73be5f44cb8ac3baabb42a32f7"
    case .watchDegraded: "5ec4c2d1c80f43948cf27811a7bbb042"
    case .rescan: "37cf258730e846a79223309463614d62"
    case .verdict: "79b2d8f5b0ed4a918ed36b83669cd718"
    case .downloads: "1c3251c68a594d1ea1ad18266f2e96a7"
    case .configReloaded: "670b9c871f374002beb38e69d143eb70"
    }
  }
}
