import Backends
import ModelHub
import StrictJSON
import VideoTypes
import Weights

/// What is done with the models on this machine.
extension ModelsCommand {
    /// Errors of the hub as they leave the program.
    static func hub<T>(_ work: () throws(HubError) -> T) throws(VideoError) -> T {
        do throws(HubError) {
            return try work()
        } catch {
            throw error.videoError
        }
    }

    static func shelf() throws(VideoError) -> ModelShelf {
        try hub { () throws(HubError) in ModelShelf(try HubSettings(Machine.environment)) }
    }

    /// Where a model is; nil where it is not here, or where nobody can look.
    static func place(_ entry: Manifest.Entry, _ shelf: ModelShelf) -> ModelShelf.Place? {
        entry.repository.flatMap { try? shelf.find(entry.id, $0).place }
    }

    /// "14.5 GB", "3.2 of 14.5 GB".
    static func here(_ place: ModelShelf.Place) -> String {
        switch place {
        case .pulled(let model): Numbers.bytes(model.byteCount)
        case .cached(_, let bytes): Numbers.bytes(bytes)
        case .half(let model):
            "\(Numbers.bytes(model.byteCount)) of "
                + (model.record.neededBytes > 0 ? Numbers.bytes(model.record.neededBytes) : "a part")
        }
    }

    static func folder(_ place: ModelShelf.Place) -> String {
        switch place {
        case .pulled(let model), .half(let model): model.folder
        case .cached(let folder, _): folder
        }
    }

    static func json(_ place: ModelShelf.Place) -> JSONText {
        let (state, bytes): (String, Int) =
            switch place {
            case .pulled(let model): ("pulled", model.byteCount)
            case .half(let model): ("half-pulled", model.byteCount)
            case .cached(_, let bytes): ("cached", bytes)
            }
        return .object([
            ("state", .string(state)), ("bytes", .integer(bytes)), ("folder", .string(folder(place))),
        ])
    }

    func verify(_ entry: Manifest.Entry) throws(VideoError) {
        let shelf = try Self.shelf()
        let display = PullDisplay(isQuiet ? .none : PullDisplay.style(program.errors), program: program)
        let pin = try Self.pin(entry, shelf)
        let found: ModelShelf.Verification
        do throws(VideoError) {
            found = try Self.hub { () throws(HubError) in
                try shelf.verify(entry.id, entry.repository ?? "", pinned: pin?.files ?? [:], display.show)
            }
        } catch {
            display.finish()
            throw error
        }
        display.finish()
        for error in found.damage {
            program.errors.write("wan-infer: \(error.videoError.commandMessage.withoutControls)\n")
        }
        guard found.damage.isEmpty else {
            throw VideoError(
                .weightsInvalid, "\(found.damage.count) of the files of \(entry.id) are not as they came",
                hint: "\(Wording.pulling(entry.id)) fetches them again")
        }
        guard !json else {
            let result = JSONText.object([
                ("model", .string(entry.id)), ("files", .integer(found.files)), ("bytes", .integer(found.bytes)),
            ])
            return try program.output.print("\(result)")
        }
        let bytes = Numbers.bytes(found.bytes)
        try program.output.print("sound    \(entry.id)  \(found.files) files, \(bytes), every SHA-256 as it should be")
    }

    func pin(_ entry: Manifest.Entry) throws(VideoError) {
        let shelf = try Self.shelf()
        let pin = try Self.hub { () throws(HubError) in try shelf.writePin(entry.id) }
        guard !json else { return try program.output.print("\(pin.json)") }
        try program.output.print(
            "pinned   \(entry.id) to \(pin.revision), \(pin.files.count) files\nwrote    \(shelf.pinPath(entry.id))")
    }

    func remove(_ entry: Manifest.Entry) throws(VideoError) {
        let shelf = try Self.shelf()
        let bytes = try Self.hub { () throws(HubError) in try shelf.remove(entry.id) }
        guard !json else {
            return try program.output.print(
                "\(JSONText.object([("model", .string(entry.id)), ("removed_bytes", .integer(bytes))]))")
        }
        try program.output.print("removed  \(entry.id)  \(Numbers.bytes(bytes))")
    }

    /// What a model must be here: by its owner's pin, else by the list of models.
    static func pin(_ entry: Manifest.Entry, _ shelf: ModelShelf) throws(VideoError) -> ModelShelf.Pin? {
        if let own = try hub({ () throws(HubError) in try shelf.pin(entry.id) }) { return own }
        return entry.pinned.map { ModelShelf.Pin(revision: $0.revision, files: $0.files) }
    }
}

extension Wording {
    /// The one command that brings a model.
    static func pulling(_ model: String) -> Wording { "\(.models, "pull \(model)")" }
}
