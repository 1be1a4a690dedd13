import Files
import StrictJSON
import Threads
import VideoRouter
import VideoTypes

/// Lists what a router owes: promised clips and orders under way; makes and fetches them where that is wanted.
struct PromisesCommand {
    let router: RouterOptions
    let keeps: Bool
    let isQuiet: Bool
    let program: Program
    let json: Bool

    init(_ arguments: ParsedArguments, program: Program) throws(VideoError) {
        router = try RouterOptions(OptionValues(arguments.values), option: "config", command: .promises)
        keeps = arguments.has("keep")
        isQuiet = arguments.has("quiet")
        self.program = program
        json = arguments.has("json")
    }

    func run() throws(VideoError) {
        let fleet = try router.fleet(for: keeps ? .work : .look)
        let folder = router.configuration.promises
        let list = try AwaitedValue.of { await PromiseList.read(folder) }.get()
        if keeps { try keep(list, fleet) } else { try tell(list, fleet) }
    }

    private func tell(_ list: PromiseList, _ fleet: RouterFleet) throws(VideoError) {
        let open = fleet.book?.spending.filter { $0.open > 0 } ?? []
        guard !json else {
            return try program.output.print(
                JSONText.object([
                    ("promises", .array(list.promises.map(\.json))),
                    ("damaged", .array(list.damaged.map(JSONText.string))),
                    (
                        "under_way",
                        .object(open.map { ($0.provider, JSONText.integer($0.open)) })
                    ),
                ]).description)
        }
        let now = SystemClock.unix()
        var lines = list.promises.map { PromiseList.text(of: $0, at: now) }
        lines += open.map { "\($0.open) \($0.open == 1 ? "order" : "orders") under way at \($0.provider)" }
        lines += list.damaged.map { "\($0.printable) is no promise; look at it, it was left where it is" }
        try program.output.print(lines.isEmpty ? "nothing is owed" : lines.joined(separator: "\n"))
    }

    /// First what is paid for already, then what nobody has been asked for.
    private func keep(_ list: PromiseList, _ fleet: RouterFleet) throws(VideoError) {
        let owed = Set(list.promises.map(\.id))
        var lines: [(text: String, json: JSONText)] = []
        let found = AwaitedValue.of { await fleet.recover() }
        for (id, result) in found.sorted(by: { $0.key < $1.key }) where !owed.contains(id) {
            switch result {
            case .success(let clip): lines.append(try take(id, clip, nil, fleet))
            case .failure(let error): lines.append(Self.failed(id, error.message))
            }
        }
        let kept = AwaitedValue.of(isUnwanted: Interrupt.asked) {
            do throws(RouterError) {
                return Result<[VideoRequest.ID: Result<RoutingOutcome, RouterError>], RouterError>.success(
                    try await fleet.router.keepPromises())
            } catch {
                return .failure(error)
            }
        }
        for (id, result) in try routed({ () throws(RouterError) in try kept.get() }).sorted(by: { $0.key < $1.key }) {
            switch result {
            case .success(.done(let clip)): lines.append(try take(id, clip, nil, fleet))
            case .success(.empty(let clip, let reason)): lines.append(try take(id, clip, reason, fleet))
            case .success(.promised): continue
            case .failure(let error):
                let stays = error.code == .noProviderAvailable ? "; it stays promised" : ""
                lines.append(Self.failed(id, error.message + stays))
            }
        }
        if json {
            try program.output.print(JSONText.object([("kept", .array(lines.map(\.json)))]).description)
        } else if !isQuiet {
            try program.output.print(lines.isEmpty ? "nothing is owed" : lines.map(\.text).joined(separator: "\n"))
        }
    }

    private func take(
        _ id: VideoRequest.ID, _ clip: VideoResult, _ emptiness: String?, _ fleet: RouterFleet
    ) throws(VideoError) -> (text: String, json: JSONText) {
        let taken = try RoutedClip.take(clip, to: RoutedClip.target(nil))
        fleet.book?.moved(clip.path, to: taken.path)
        let empty = emptiness.map { ", which shows nothing: \($0)" } ?? ""
        return (
            "\(id)  \(taken.path), by \(clip.provider) for \(Numbers.dollars(clip.costDollars))\(empty)",
            .object([
                ("id", .string(id)), ("file", .string(taken.path)), ("provider", .string(clip.provider)),
                ("model", .string(clip.model)), ("cost_dollars", .number(clip.costDollars)),
                ("empty", emptiness.map(JSONText.string) ?? .null), ("error", .null),
            ])
        )
    }

    private static func failed(_ id: VideoRequest.ID, _ message: String) -> (text: String, json: JSONText) {
        (
            "\(id)  no clip: \(message.printable)",
            .object([("id", .string(id)), ("file", .null), ("error", .string(message))])
        )
    }
}

/// What lies in a folder of promises.
struct PromiseList {
    let promises: [VideoPromise]
    let damaged: [String]

    /// Empty where there is no folder yet.
    static func read(_ path: String) async -> Result<PromiseList, VideoError> {
        do {
            guard let folder = PromiseFolder(reading: path) else {
                return .success(PromiseList(promises: [], damaged: []))
            }
            let promises = try await folder.all().map(\.promise)
            return .success(PromiseList(promises: promises, damaged: try await folder.damaged()))
        } catch {
            return .failure(.invalid("the promises in \(path.printable) cannot be read: \(error)"))
        }
    }

    static func text(of promise: VideoPromise, at now: Double) -> String {
        let ready = promise.estimate.map { ", ready in about \(Numbers.duration($0.p50))" } ?? ""
        let left = promise.expiresAt - now
        let end = left > 0 ? "given up in \(Numbers.duration(left))" : "expired"
        return "\(promise.id)  promised by \(promise.provider)\(ready); \(end)"
    }
}

extension VideoPromise {
    var json: JSONText {
        .object([
            ("id", .string(id)), ("provider", .string(provider)), ("made_at", .number(madeAt)),
            ("expires_at", .number(expiresAt)), ("spent_dollars", .number(spentDollars)),
            ("p50_seconds", estimate.map { .number($0.p50) } ?? .null),
            ("p90_seconds", estimate.map { .number($0.p90) } ?? .null),
            ("reasons", .array(reasons.map(JSONText.string))),
        ])
    }
}
