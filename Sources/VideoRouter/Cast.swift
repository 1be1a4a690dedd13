import StrictJSON
public import VideoTypes

/// Characters and environments that requests name: each stands for words and pictures.
public struct Cast: Sendable, Hashable {
    private let members: [String: CastMember]

    public static let none = Cast(members: [:])

    private init(members: [String: CastMember]) { self.members = members }

    /// - Parameter members: no two of one name.
    public init(_ members: [CastMember]) throws(RouterError) {
        var known: [String: CastMember] = [:]
        for member in members {
            let name = member.name
            guard (1...VideoRequest.Limits.castNameBytes).contains(name.utf8.count), !name.contains(",") else {
                throw RouterError(
                    .configuration,
                    "the name '\(String(name.prefix(60)).printable)' of a character or environment must have 1 to "
                        + "\(VideoRequest.Limits.castNameBytes) bytes and no comma")
            }
            guard !member.words.isEmpty || !member.pictures.isEmpty else {
                throw RouterError(
                    .configuration, "'\(name.printable)' has no words and no pictures; give it some")
            }
            guard known.updateValue(member, forKey: name) == nil else {
                throw RouterError(.configuration, "two characters or environments have the name '\(name.printable)'")
            }
        }
        self.members = known
    }

    /// The request with words and pictures in the place of names: what every provider understands.
    ///
    /// Words go behind the prompt, pictures behind the request's own.
    package func resolved(_ request: VideoRequest) throws(RouterError) -> VideoRequest {
        guard let names = request.cast else { return request }
        var resolved = request
        resolved.cast = nil
        for name in names {
            guard let member = members[name] else {
                let known = members.isEmpty ? "none" : members.keys.map(\.printable).sorted().joined(separator: ", ")
                throw RouterError(
                    .badRequest, "nobody knows '\(String(name.prefix(60)).printable)' here; known: \(known)",
                    parameter: "cast")
            }
            resolved.prompt += (resolved.prompt.isEmpty ? "" : "\n") + member.sentence
            resolved.referenceImages += member.pictures.map {
                ReferenceImage(bytes: $0.bytes, format: $0.format, role: .reference)
            }
        }
        return resolved
    }
}

/// Somebody or some place that appears in several clips.
public struct CastMember: Sendable, Hashable {
    public var name: String
    public var kind: Kind
    /// What it looks like: "a tall woman in a red coat".
    public var words: String
    /// Whatever their roles: to show what it looks like.
    public var pictures: [ReferenceImage]

    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case character
        case environment
    }

    public init(_ name: String, kind: Kind, words: String = "", pictures: [ReferenceImage] = []) {
        self.name = name
        self.kind = kind
        self.words = words
        self.pictures = pictures
    }

    /// As a prompt says it.
    fileprivate var sentence: String {
        let looks = words.isEmpty ? "looks as in the pictures" : "is \(words)"
        return kind == .character ? "\(name) \(looks)." : "The place is \(name): \(words.isEmpty ? looks : words)."
    }
}
