import Glibc
import Synchronization

/// A place where a test lets the process die.
///
/// `WAN_FAILPOINT=name` in the environment ends the process when the place is reached, `name:3` at the third time.
package enum FailPoint: String, Sendable, CaseIterable {
    case afterInsert = "after_insert"
    case afterClaim = "after_claim"
    case midEncode = "mid_encode"
    case beforeRename = "before_rename"
    case afterRename = "after_rename"
    case beforeCommit = "before_commit"
    case afterCommit = "after_commit"
    case midCheckpoint = "mid_checkpoint"

    package static let exitStatus: Int32 = 86

    private static let fuse = Fuse()

    /// Ends the process, as a crash would, if the environment says so.
    package static func reached(_ point: FailPoint) {
        guard let fuse, fuse.point == point, fuse.left.subtract(1, ordering: .relaxed).newValue == 0 else { return }
        _exit(exitStatus)
    }

    private final class Fuse: Sendable {
        let point: FailPoint
        let left: Atomic<Int>

        init?() {
            guard let text = unsafe getenv("WAN_FAILPOINT").map({ unsafe String(cString: $0) }) else { return nil }
            let parts = text.split(separator: ":", maxSplits: 1)
            guard let name = parts.first, let point = FailPoint(rawValue: String(name)) else { return nil }
            self.point = point
            left = Atomic(parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
        }
    }
}
