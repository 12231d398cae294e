import Foundation
import SystemPackage

/// The test data in `Resources/`; `SOURCES.md` there says where it comes from. Read-only: a test that changes a file
/// works on a copy.
package enum Fixtures {
  /// The folder that holds `outputs/`, `sessions/` and `corrupt/`: what a player of recordings takes as its data.
  package static var root: FilePath { FilePath(Bundle.module.bundlePath).appending("Resources") }

  /// What one trainer left behind: `mlx-lora`, `mlx-lora-rerun`, `peft-lora` or `peft-lora-old`.
  package static func outputs(_ name: String) -> FilePath { root.appending("outputs").appending(name) }

  /// Damaged and whole safetensors files, with `expected.json`.
  package static var corrupt: FilePath { root.appending("corrupt") }

  /// The recorded trainings.
  package static var sessions: FilePath { root.appending("sessions") }
}
