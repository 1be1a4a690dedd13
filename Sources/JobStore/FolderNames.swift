import FoundationEssentials
import Glibc

/// What lies in a folder.
enum FolderNames {
    static func all(_ path: String) throws(StoreError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw .system(call: "readdir", path: path, errno: errno)
        }
    }
}
