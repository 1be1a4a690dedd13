import StrictJSON

/// What a hub says is in a repository at one commit.
struct HubListing: Equatable {
    let commit: String
    let files: [String: HubFile]

    /// What a repository may hold.
    private static let maxFiles = 100_000
    static let maxFileBytes = 1 << 42

    /// Reads the answer; names that lead elsewhere are as good as not there.
    init(_ bytes: [UInt8]) throws(ListingError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(bytes)
        } catch {
            throw ListingError("no JSON at byte \(error.offset)")
        }
        guard let commit = value["sha"]?.string, HubPath.isCommit(commit) else {
            throw ListingError("'sha' is no commit")
        }
        guard case .array(let siblings) = value["siblings"], siblings.count <= Self.maxFiles else {
            throw ListingError("'siblings' is no list of files")
        }
        var files: [String: HubFile] = [:]
        for sibling in siblings {
            guard let path = sibling["rfilename"]?.string else { throw ListingError("a file without 'rfilename'") }
            guard HubPath.isSafe(path) else { continue }
            let large = sibling["lfs"]
            guard let size = (large?["size"] ?? sibling["size"])?.integer, (0...Self.maxFileBytes).contains(size) else {
                throw ListingError("'size' of \(path) is no size of a file")
            }
            let digest = large?["sha256"]?.string
            guard digest.map(HubPath.isSHA256) != false else { throw ListingError("'sha256' of \(path) is no digest") }
            guard files.updateValue(HubFile(path: path, bytes: size, sha256: digest), forKey: path) == nil else {
                throw ListingError("\(path) is there twice")
            }
        }
        self.commit = commit
        self.files = files
    }
}

/// A file of a repository.
package struct HubFile: Hashable, Sendable {
    package let path: String
    package let bytes: Int
    /// As the server declares it, or a manifest pins it; nil for small files, of which it says another digest.
    package var sha256: String?
}

struct ListingError: Error, Equatable {
    let problem: String

    init(_ problem: String) { self.problem = problem }
}

extension JSONValue {
    /// A member of an object; nil where there is none, or null.
    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self, let value = members[Array(name.utf8)], value != .null else {
            return nil
        }
        return value
    }

    var string: String? { if case .string(let text) = self { text } else { nil } }

    var integer: Int? { if case .number(let text) = self { Int(text) } else { nil } }
}
