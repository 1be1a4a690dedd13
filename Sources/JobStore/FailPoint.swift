import Glibc
import Synchronization

/// A moment at which a test may end the process, as `kill -9` or a power cut would.
///
/// `WAN_FAILPOINT=name` ends it when the moment is reached for the first time, `name:3` for the third.
package enum FailPoint: String, CaseIterable, Sendable {
    case afterInsert = "after_insert"
    case afterClaim = "after_claim"
    case midEncode = "mid_encode"
    case beforeRename = "before_rename"
    case afterRename = "after_rename"
    case beforeCommit = "before_commit"
    case afterCommit = "after_commit"
    case midCheckpoint = "mid_checkpoint"

    package static let variable = "WAN_FAILPOINT"
    /// What the process ends with.
    package static let exitStatus: Int32 = 86

    private static let armed = unsafe getenv(variable).flatMap { unsafe Self.parse(String(cString: $0)) }
    private static let reachedCount = Atomic<Int>(0)

    /// Does nothing unless this point was asked for.
    package static func reached(_ point: FailPoint) {
        guard let armed, armed.point == point else { return }
        if reachedCount.wrappingAdd(1, ordering: .relaxed).newValue >= armed.count { _exit(exitStatus) }
    }

    /// nil for what is no fail point.
    static func parse(_ text: String) -> (point: FailPoint, count: Int)? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let point = FailPoint(rawValue: parts[0]) else { return nil }
        guard parts.count == 2 else { return (point, 1) }
        return Int(parts[1]).flatMap { $0 > 0 ? (point, $0) : nil }
    }
}
