import VideoProvider
import VideoRouter
import VideoServer
import VideoTypes

/// `serve NAME=VALUE…`: the product's service over workers that pretend.
struct ServeCommand {
    private var options: ServiceOptions

    init(_ words: some Sequence<String>) throws(VideoError) {
        options = ServiceOptions(stateFolder: "", workerCommand: [FakeService.path, "worker"])
        options.port = 0
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Self.unknown(word) }
            try take(parts[0], parts[1])
        }
    }

    private mutating func take(_ name: String, _ value: String) throws(VideoError) {
        switch name {
        case "router": options.router = RoutedService(try Self.fleet(value), alsoCalled: ["sora-2"])
        case "state": options.stateFolder = value
        case "host": options.host = value
        case "port": options.port = UInt16(value) ?? 0
        case "keys": options.keyFile = value
        case "origins": options.origins = Set(value.split(separator: ",").map(String.init))
        case "host-names": options.hostNames = Set(value.split(separator: ",").map(String.init))
        case "webhook-hosts": options.webhookHosts = Set(value.split(separator: ",").map(String.init))
        case "webhook-secret": options.webhookSecretFile = value
        case "webhook-delay": options.webhookDelayFactor = Double(value) ?? 1
        case "local-webhook-hosts":
            options.localWebhookHosts = Set(value.split(separator: ",").map(String.init))
        case "max-queued": options.maxQueued = Int(value) ?? 64
        case "expires-after": options.expiresAfterSeconds = Int(value) ?? 86_400
        case "drain": options.drainSeconds = Double(value) ?? 30
        case "gpu-dollars-per-hour": options.economics = Economics(gpuDollarsPerHour: Double(value) ?? 0)
        case "verbose": options.isVerbose = value == "true"
        default: throw Self.unknown(name)
        }
    }

    /// Of clouds alone.
    private static func fleet(_ path: String) throws(VideoError) -> RouterFleet {
        do throws(RouterError) {
            return try RouterFleet(RouterConfiguration(file: path), for: .work) { _, _ throws(RouterError) in
                throw RouterError(.configuration, "this service has no engine")
            }
        } catch {
            throw error.videoError
        }
    }

    private static func unknown(_ word: String) -> VideoError {
        .invalid("fake-service serve knows no '\(word)'", hint: "state=FOLDER is needed")
    }

    func run() throws(VideoError) {
        Service.blockSignals()
        ParentWatch.start()
        let service = try Service(options) { FakeService.note($0) }
        FakeService.note("listening on \(service.url)")
        service.runUntilSignal()
    }
}
