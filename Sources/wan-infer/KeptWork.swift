import VideoProvider
import VideoTypes

/// One clip that is to survive its accidents: what is done of it is kept, and how to go on is said.
struct KeptWork {
    let maker: ClipMaker
    /// Where its state is kept; nil for nowhere.
    let place: CheckpointPlace?
    let output: (path: String, keepsExisting: Bool)

    private var keeping: KeepingOptions { maker.options.keeping }

    /// What an earlier run left of the clip, where that is to be gone on from.
    func kept() throws(VideoError) -> KeptClip? {
        guard let place else { return nil }
        let kept = try KeptClip(at: place.path)
        if let kept, !keeping.resumes {
            let what = "\(kept.position) of “\(ResultReport.line(kept.settings.prompts.positive))”"
            throw VideoError(
                .stateUnusable, "'\(place.path)' keeps a clip that is not finished: \(what)",
                hint: "--resume goes on with it; for another clip name another folder")
        }
        if kept == nil, keeping.resumes, keeping.batch == nil {
            maker.note("nothing is kept in '\(place.path)' yet: the clip is made from its beginning")
        }
        return kept
    }

    func make(
        _ request: VideoRequest, goingOnFrom kept: KeptClip?, preview: String?
    ) throws(VideoError) -> ClipReport {
        let finished = place == nil ? FinishedLatents() : nil
        let keeping = ClipKeeping(
            place: place, isStrict: true, finished: finished, viewer: try maker.viewer(preview),
            note: maker.note)
        do throws(VideoError) {
            // Pictures are not needed any more where only decoding is left.
            if let kept, kept.isFinished, request.referenceImages.isEmpty, !kept.settings.inputs.isEmpty {
                return try maker.watched { progress throws(VideoError) in
                    try maker.engine.generate(
                        decoding: kept, tilesVAE: request.tilesVAE, to: output.path,
                        keepsExisting: output.keepsExisting, place: place, progress: progress)
                }
            }
            let order = try maker.engine.order(request)
            for remark in order.remarks { maker.note(remark) }
            return try maker.watched { progress throws(VideoError) in
                try maker.engine.generate(
                    order, to: output.path, keepsExisting: output.keepsExisting, keeping: keeping, progress: progress)
            }
        } catch {
            throw Self.telling(error, howToGoOn(error, finished))
        }
    }

    /// The command that goes on where this one ended; nil where there is nothing to go on from.
    private func howToGoOn(_ error: VideoError, _ finished: FinishedLatents?) -> String? {
        if let place {
            guard ![.invalidRequest, .stateUnusable].contains(error.code), (try? KeptClip(at: place.path)) != nil else {
                return nil
            }
            return "what is done is kept; go on with: \(maker.options.arguments.adding(["resume"]).line)"
        }
        guard let finished, finished.isThere, error.code != .cancelled else { return nil }
        do throws(VideoError) {
            let path = try finished.save(besides: output.path)
            return "the latents are kept; go on with: \(decoding(path))"
        } catch {
            return "and the latents could not be kept: \(error.commandMessage)"
        }
    }

    private func decoding(_ latents: String) -> String {
        let arguments = maker.options.arguments
        let machine = (["model"] + MachineOptions.ofMachine).compactMap { name in
            arguments.values[name].map { "\(name)=\(ParsedArguments.quoted($0))" }
        }
        let target = output.keepsExisting ? [] : ["output=" + ParsedArguments.quoted(output.path)]
        let options =
            ["decode-only=" + ParsedArguments.quoted(latents)] + machine + target
            + ["vae-tiling", "no-metadata"].filter(arguments.has)
        return (["wan-infer"] + options.map { "--" + $0 }).joined(separator: " ")
    }

    private static func telling(_ error: VideoError, _ remedy: String?) -> VideoError {
        guard let remedy else { return error }
        return VideoError(
            error.code, error.wording, field: error.field, remedies: error.remedies + [Wording(plain: remedy)])
    }
}
