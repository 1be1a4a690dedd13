package import Compute
package import VideoTypes
package import Weights

/// An opened model of some family: all that is known of it without a device.
package protocol VideoModel: Sendable {
    /// The sizes and lengths that it can make.
    var grid: ClipGrid { get }
    /// The pictures that it makes clips from.
    var pictures: PictureNeeds { get }

    /// The folder's own scheduler; an error where it asks for what is not done here.
    func folderScheduler() throws(VideoError) -> Scheduler
    /// The shift of the folder's scheduler, for models that the manifest does not know.
    var folderShift: Double? { get }
    /// Whether a second expert serves the low noise levels.
    var hasTwoExperts: Bool { get }
    /// Whether it is known what colours its latents have: without that nobody can be shown a clip before its end.
    var drawsSketches: Bool { get }

    /// Tokens that `text` is for the model, the closing one included; as many as it reads where nobody can count words.
    func tokenCount(_ text: String) -> Int
    /// How many of a text's tokens the model reads.
    var tokenLimit: Int { get }

    /// Tells the weights of one training from those of another.
    var fingerprint: String { get }
    /// Whether what denoises is stored in 16 bits.
    var isStoredIn16Bits: Bool { get }

    /// The tensors of what denoises that LoRAs may change.
    ///
    /// - Parameter expert: 1 for the low-noise expert of a model with two.
    func adapterTargets(expert: Int) throws -> AdapterTargets

    /// Checks settings against what this model can make.
    func validate(_ settings: VideoSettings) throws(VideoError)
    /// What a clip costs in arithmetic and memory.
    func work(_ settings: VideoSettings, on device: DeviceProfile) -> WorkEstimate
    /// What the stages of a clip hold.
    func memory(_ settings: VideoSettings, on device: DeviceProfile) -> MemoryEstimate

    /// Made for clips on one device; weights are loaded when they are needed.
    ///
    /// - Parameters:
    ///   - dtype: of activations; nil takes what suits model and backend.
    ///   - terms: what clips may take of the backend's memory.
    func pipeline(on backend: any Backend, dtype: DType?, within terms: MemoryTerms) -> any VideoPipeline
}

/// The pictures that a model makes its clips from, beside words.
package struct PictureNeeds: Sendable, Hashable {
    /// Those without which there is no clip.
    package let needed: Set<PictureRole>
    /// Those that may be left out.
    package let taken: Set<PictureRole>

    package init(needed: Set<PictureRole> = [], taken: Set<PictureRole> = []) {
        self.needed = needed
        self.taken = taken
    }

    /// Words alone.
    package static let none = PictureNeeds()

    package var isNone: Bool { self == .none }

    /// Checks that settings name the pictures that there have to be, and no others.
    package func validate(_ settings: VideoSettings) throws(VideoError) {
        let given = settings.inputs.map(\.role)
        for role in PictureRole.allCases {
            let count = given.count { $0 == role }
            guard count <= (needed.union(taken).contains(role) ? 1 : 0) else {
                throw VideoError(
                    .invalidRequest, "a picture as \(role.rawValue) is given \(count) times, the model takes \(words)",
                    field: role.term,
                    remedies: [isNone ? "leave it out, or use a model that makes clips of pictures" : "leave it out"])
            }
            guard count > 0 || !needed.contains(role) else {
                throw VideoError(
                    .invalidRequest, "no picture as \(role.rawValue) is given, the model needs \(words)",
                    field: role.term, remedies: ["give one, or use a model that makes clips of words alone"])
            }
        }
        guard !given.contains(.last) || settings.clip.frames > 1 else {
            throw .invalid(
                "\(.frames) must be more than 1 between two pictures, got \(settings.clip.frames)", field: .frames,
                hint: "make the clip longer")
        }
    }

    /// As people say it: "first, last or none".
    private var words: String {
        let names = PictureRole.allCases.filter { needed.union(taken).contains($0) }.map(\.rawValue)
        guard !names.isEmpty else { return "none" }
        return names.joined(separator: needed.count == names.count ? " and " : ", ")
            + (needed.isEmpty ? " or none" : "")
    }
}

extension VideoModel {
    /// Made for clips that may take what memory there is.
    package func pipeline(on backend: any Backend, dtype: DType?) -> any VideoPipeline {
        pipeline(on: backend, dtype: dtype, within: MemoryTerms())
    }

    /// The dtype of activations where nobody asks for one: bf16 where the weights are stored in 16 bits and the device
    /// is faster with it, else f32.
    package func dtype(prefersBF16: @autoclosure () -> Bool) -> DType {
        isStoredIn16Bits && prefersBF16() ? .bf16 : .f32
    }

    /// Checks that the clip fits where it is to be made; says what would fit if it does not.
    package func checkMemory(_ settings: VideoSettings, on device: DeviceProfile) throws(VideoError) {
        guard let available = device.memoryBytes else { return }
        let estimate = memory(settings, on: device)
        guard estimate.peak > available else { return }
        let clip = "\(settings.clip.width) x \(settings.clip.height) in \(settings.clip.frames) frames"
        throw VideoError(
            .outOfMemory,
            "\(clip) needs about \(gigabytes(estimate.peak)) GB, \(device.name) has \(gigabytes(available))",
            field: .size, remedies: remedies(settings, on: device, weights: estimate.weights, available: available))
    }

    /// The settings, decoded in tiles where the clip does not fit otherwise and so it does.
    package func tiledWhereNeeded(_ settings: VideoSettings, on device: DeviceProfile) -> VideoSettings {
        guard let available = device.memoryBytes, !settings.tilesVAE,
            memory(settings, on: device).peak > available
        else { return settings }
        var tiled = settings
        tiled.tilesVAE = true
        guard (try? validate(tiled)) != nil, memory(tiled, on: device).peak <= available else { return settings }
        return tiled
    }

    /// What would fit.
    private func remedies(
        _ settings: VideoSettings, on device: DeviceProfile, weights: Int, available: Int
    ) -> [Wording] {
        let elsewhere: [Wording] = ["use a smaller model", "or \(.device, "cpu")"]
        if device.offload != nil, memory(settings, on: device.freed).peak <= available {
            return ["leave \(.offload) out, and it fits"]
        }
        guard weights < available else {
            return ["the weights alone take \(gigabytes(weights)) GB"] + elsewhere
        }
        var tiled = settings
        tiled.tilesVAE = true
        if memory(tiled, on: device).peak <= available { return ["\(.tilesVAE, "true") makes it fit"] }
        let fitting = FittingSize(grid: grid) { memory($0, on: device).peak <= available }
        return fitting.hint(below: settings).map { [$0] } ?? elsewhere
    }

    private func gigabytes(_ bytes: Int) -> String {
        let tenths = (bytes + 50_000_000) / 100_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }
}
