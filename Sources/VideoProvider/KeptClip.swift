import Compute
import Pipelines
package import VideoTypes
import Weights

/// A clip whose latents lie in a file, finished or not.
package struct KeptClip {
    package let path: String
    let bytes: HostBytes
    let identity: ClipIdentity
    private let facts: CheckpointFacts

    /// nil where there is no file.
    package init?(at path: String) throws(VideoError) {
        do throws(WeightError) {
            bytes = try MappedFile.open(path)
        } catch {
            if case .fileMissing = error { return nil }
            throw error.videoError
        }
        guard let facts = CheckpointFacts(bytes), let identity = ClipIdentity(facts.identity) else {
            throw Self.damaged(path)
        }
        // What comes from a file is checked as what somebody asks for.
        try VideoRequest(identity.settings).validate()
        self.path = path
        self.facts = facts
        self.identity = identity
    }

    package var settings: VideoSettings { identity.settings }

    /// Whether only decoding is left.
    package var isFinished: Bool { facts.isFinished }

    var identityText: String { facts.identity }

    /// "step 5 of 16".
    package var position: String { "step \(facts.step) of \(facts.stepCount)" }

    static func damaged(_ path: String) -> VideoError {
        VideoError(
            .stateUnusable, "'\(path)' is no state of a clip that this version of wan-infer kept, or it is damaged",
            hint: "name another file, or take it away to make the clip from its beginning")
    }

    /// Refuses to go on as another clip than the one that was kept.
    func check(isOf identity: ClipIdentity) throws(VideoError) {
        let differences = identity.differences(from: self.identity)
        guard !differences.isEmpty else { return }
        throw VideoError(
            .stateUnusable, "'\(path)' keeps another clip: \(differences.joined(separator: "; "))",
            remedies: remedies(for: identity.settings, differences.count))
    }

    /// What is missing has to be named again; what is said otherwise, to be left out.
    private func remedies(for other: VideoSettings, _ differences: Int) -> [Wording] {
        var remedies: [Wording] = []
        if other.adapters.isEmpty, !settings.adapters.isEmpty {
            remedies.append("name its LoRAs again with \(.adapters)")
        }
        if other.inputs.isEmpty, !settings.inputs.isEmpty {
            remedies.append("name its pictures again with \(.referenceImages)")
        }
        if differences > remedies.count { remedies.append("leave out what differs") }
        return remedies + ["or name another folder for this clip"]
    }

    /// Checks that the latents can be decoded by a model.
    func check(canBeDecodedBy fingerprint: String, _ model: String) throws(VideoError) {
        guard isFinished else {
            throw VideoError(
                .stateUnusable, "'\(path)' holds the latents of \(position): they are still noisy",
                hint: "make its other steps first, from the checkpoint that it is")
        }
        guard identity.fingerprint == fingerprint else {
            throw VideoError(
                .stateUnusable, "'\(path)' holds latents of \(identity.model), and the model here is \(model)",
                field: .model, remedies: ["name the model that made them with \(.model)"])
        }
    }
}
