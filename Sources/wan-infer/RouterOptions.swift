import Compute
import VideoProvider
import VideoRouter
import VideoTypes

/// The configuration of a router, and what becomes of it.
struct RouterOptions {
    let configuration: RouterConfiguration

    /// - Parameter option: that names the file.
    init(_ values: OptionValues, option: String, command: Command) throws(VideoError) {
        guard let path = values.text(option) else {
            throw .invalid(
                "\(command.rawValue) needs a configuration",
                hint: "wan-infer \(command.rawValue) --\(option) router.json; the page of the clouds has a whole one")
        }
        var configuration = try routed { () throws(RouterError) in try RouterConfiguration(file: path) }
        if let url = values.text("scorer") {
            guard let model = values.text("scorer-model") ?? configuration.scorer?.model else {
                throw .invalid(
                    "--scorer needs the name of a model", hint: "--scorer-model NAME, as that server calls it")
            }
            // A key of the configuration is another server's.
            configuration.scorer = ClipScorerOptions(url: url, model: model)
        }
        self.configuration = configuration
    }

    func fleet(for use: RouterFleet.Use) throws(VideoError) -> RouterFleet {
        let configuration = configuration
        return try routed { () throws(RouterError) in
            try RouterFleet(configuration, for: use, makeLocal: Self.local)
        }
    }

    /// This machine with the model that the configuration names.
    private static func local(_ machine: LocalMachine, clips: String) throws(RouterError) -> any VideoProvider {
        do throws(VideoError) {
            var options = LocalVideoProvider.Options()
            options.name = machine.name
            options.outputFolder = clips
            if case .files(let places) = try ModelsCommand.source(machine.model) { options.modelFolder = places.model }
            options.device = machine.device
            options.threads = machine.threads
            options.economics = Economics(
                dollarsPerKilowattHour: machine.dollarsPerKilowattHour, watts: machine.watts,
                gpuDollarsPerHour: machine.dollarsPerHour, utilisation: machine.utilisation)
            return try LocalVideoProvider(options)
        } catch {
            throw RouterError(.configuration, "local: \(error.commandMessage)")
        }
    }
}

/// What the router says, in the words of the command.
func routed<Value>(_ body: () throws(RouterError) -> Value) throws(VideoError) -> Value {
    do throws(RouterError) {
        return try body()
    } catch {
        throw error.commandError
    }
}

extension RouterError {
    /// With what the command can do about it.
    var commandError: VideoError {
        let error = videoError
        let hint: Wording? =
            switch code {
            case .configuration: "the page of the clouds, CLOUDS.md, has a whole configuration"
            case .badRequest where !providers.isEmpty: "--explain says what each provider makes"
            case .budget: "allow more with --max-cost, or ask for a shorter or smaller clip"
            case .deadline: "allow more with --max-latency, or keep the request with --promise"
            case .noProviderAvailable:
                "wan-infer providers shows how each stands; --promise keeps the request until somebody can make it"
            case .contentPolicy: "ask for something else; policy_fallbacks of the policy names who may take over"
            case .badRequest, .cancelled: nil
            }
        return VideoError(error.code, error.wording, field: error.field, hint: hint)
    }
}
