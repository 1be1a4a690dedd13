/// What a picture is to the clip that is made with it.
public enum PictureRole: String, Sendable, Hashable, CaseIterable, Codable {
    /// The clip begins with it.
    case first
    /// The clip ends with it.
    case last
    /// The clip shows what is on it.
    case reference
}

extension PictureRole {
    /// The part of a request that gives it.
    package var term: Term { self == .last ? .lastImage : .referenceImages }
}

/// What a clip is made from beside words: settings name it, the file's bytes travel beside them.
public struct ClipInput: Sendable, Hashable, Codable {
    public let role: PictureRole
    /// SHA-256 of the file, in hexadecimal.
    public let digest: String

    public init(role: PictureRole, digest: String) {
        self.role = role
        self.digest = digest
    }
}
