import Media
import StrictJSON
import VideoTypes

// Who appears in clips, and who judges them.
extension RouterReader {
    func cast(_ root: JSONFields) throws(JSONFieldError) -> Cast {
        var members: [CastMember] = []
        for (index, row) in try (root.array("cast", atMost: 1000) ?? []).enumerated() {
            members.append(try member(JSONFields(row, "cast[\(index)]")))
        }
        do throws(RouterError) {
            return try Cast(members)
        } catch {
            throw JSONFieldError("cast", error.message)
        }
    }

    private func member(_ fields: JSONFields) throws(JSONFieldError) -> CastMember {
        try fields.know(["name", "kind", "words", "pictures"])
        var member = CastMember(
            try fields.needed("name", fields.string("name")),
            kind: try fields.word("kind", CastMember.Kind.self) ?? .character)
        member.words = try fields.string("words") ?? ""
        for name in try fields.strings("pictures") ?? [] {
            do throws(PictureError) {
                member.pictures.append(try PictureFile(path: beside(name)).image(.reference))
            } catch {
                throw JSONFieldError(fields.path("pictures"), "name what is no picture: \(error.videoError.message)")
            }
        }
        return member
    }

    func scorer(_ fields: JSONFields) throws(JSONFieldError) -> ClipScorerOptions {
        try fields.know(["url", "model", "key", "frames", "side", "wait_seconds", "authorities"])
        let limits = ClipScorerOptions.Limits.self
        var options = ClipScorerOptions(
            url: try fields.needed("url", fields.string("url")),
            model: try fields.needed("model", fields.string("model")))
        options.key = try key(fields, "key")
        options.frames = try fields.integer("frames", in: limits.frames) ?? options.frames
        options.side = try fields.integer("side", in: limits.side) ?? options.side
        options.seconds = try fields.number("wait_seconds", in: limits.seconds) ?? options.seconds
        options.authorities = try path(fields, "authorities")
        return options
    }
}
