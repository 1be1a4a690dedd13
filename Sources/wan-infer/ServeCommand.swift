import Backends
import Threads
import VideoProvider
import VideoRouter
import VideoServer
import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// Makes clips for whoever asks over HTTP.
struct ServeCommand {
    let options: ServiceOptions
    let router: RouterOptions?
    let program: Program

    /// - Parameter isToFetch: whether the model may be one that is fetched later.
    init(_ arguments: ParsedArguments, program: Program, isToFetch: Bool = false) throws(VideoError) {
        self.program = program
        let values = OptionValues(arguments.values)
        guard arguments.isGiven("router") || !arguments.isGiven("scorer") else {
            throw .invalid("--scorer is for clips that a router has made", hint: "name one: --router FILE.json")
        }
        router = arguments.isGiven("router") ? try RouterOptions(values, option: "router", command: .serve) : nil
        if router != nil, let other = Self.ofWorkers.first(where: arguments.isGiven) {
            throw .invalid(
                "--\(other) is of a worker on this machine, and --router has clips made by others",
                hint: "leave one of them out; the configuration names this machine under local")
        }
        let machine = try MachineOptions(values, toPlan: isToFetch)
        let folder = if let folder = values.text("state") { folder } else { try StandardStateFolder.path() }
        let adapters = values.text("lora-dir")
        var options = ServiceOptions(
            stateFolder: folder,
            workerCommand: [try Self.ownPath(), Command.worker.rawValue, "--no-metadata"] + machine.words
                + (adapters.map { ["--lora-dir=\($0)"] } ?? []))
        options.adapters = adapters.map { .folder($0) } ?? .none
        options.model = machine.model
        options.host = values.text("host") ?? options.host
        if let port = try values.integer("port", in: 0...65_535) { options.port = UInt16(port) }
        options.keyFile = values.text("key-file")
        options.hostNames = Set(values.list("host-names"))
        options.origins = Set(values.list("origins"))
        options.webhookHosts = Set(values.list("webhook-hosts"))
        options.localWebhookHosts = Set(values.list("local-webhook-hosts"))
        options.webhookSecretFile = values.text("webhook-secret-file")
        if let dollars = try values.dollars("gpu-dollars-per-hour") {
            options.economics = Economics(gpuDollarsPerHour: dollars)
        }
        options.isVerbose = arguments.has("verbose")
        self.options = options
    }

    func run() throws(VideoError) {
        Service.blockSignals()
        var options = options
        if let router {
            let fleet = try router.fleet(for: .work)
            for remark in AwaitedValue.of({ await fleet.remarks }) { program.errors.write("wan-infer: \(remark)\n") }
            options.router = RoutedService(fleet, alsoCalled: router.configuration.alsoCalled)
        }
        let service = try Service(options) { [errors = program.errors] in errors.write($0 + "\n") }
        program.errors.write("wan-infer: listening on \(service.url)\n")
        service.runUntilSignal()
    }

    private static let ofWorkers =
        ["model", "device", "dtype", "threads", "pull", "lora-dir", "gpu-dollars-per-hour"]
        + ModelPart.allCases.map(\.option)

    /// This very program, however it was started.
    private static func ownPath() throws(VideoError) -> String {
        let path = unsafe realpath("/proc/self/exe", nil)
        defer { unsafe free(path) }
        guard let path = unsafe path, let text = unsafe String(validatingCString: path) else {
            throw VideoError(.internalError, "this program cannot find its own file", hint: "is /proc mounted?")
        }
        return text
    }
}
