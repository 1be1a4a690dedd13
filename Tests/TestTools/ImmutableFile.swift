import Foundation
import TestSupport

/// Folders that nobody can write to, not even root.
package enum ImmutableFile {
    /// Whether this machine lets us make one where tests have their folders.
    package static let isPossible: Bool = {
        guard let folder = try? TemporaryFolder(), set(folder.path, true) else { return false }
        defer { set(folder.path, false) }
        return !FileManager.default.createFile(atPath: folder.file("x"), contents: nil)
    }()

    /// Whether it was done.
    @discardableResult
    package static func set(_ path: String, _ isImmutable: Bool) -> Bool {
        guard let chattr = Subprocess.find("chattr") else { return false }
        return (try? Subprocess(chattr, [isImmutable ? "+i" : "-i", path]))?.status == 0
    }
}
