package import VideoProvider

/// Where and for whom the service works.
package struct ServiceOptions: Sendable {
    /// A numeric address.
    package var host = "127.0.0.1"
    /// 0 takes a free one.
    package var port: UInt16 = 8080
    package var stateFolder: String
    /// What the planner reads; the worker is told by its own words.
    package var model = ModelSource.builtIn
    /// Where the LoRAs lie that clients may name; the worker is told by its own words.
    package var adapters = AdapterPlace.none
    /// Words that start the worker; the first is a path.
    package var workerCommand: [String]
    /// nil lets everybody in who is on this machine.
    package var keyFile: String?
    /// Further names that `Host` may have; `@FILE` stands for those in a file.
    package var hostNames: Set<String> = []
    /// Other web sites whose pages may ask: "https://app.example.org".
    package var origins: Set<String> = []
    /// Hosts that webhooks may go to, with ":port" where it is not the standard one.
    package var webhookHosts: Set<String> = []
    /// The same on one's own network or this machine, in plain HTTP too.
    package var localWebhookHosts: Set<String> = []
    package var webhookSecretFile: String?
    /// Who has the clips made; nil where a worker of this machine makes them.
    package var router: RoutedService?
    package var economics = Economics()
    package var maxQueued = 64
    package var maxQueuedSeconds = 7200.0
    package var expiresAfterSeconds = 86_400
    /// All finished files together; the oldest go first.
    package var quotaBytes: Int?
    /// How long the running job may go on when the service is asked to end.
    package var drainSeconds = 30.0
    /// Shortens the waits between tries of a webhook, for tests.
    package var webhookDelayFactor = 1.0
    /// Whether every request and every job is a line of the log.
    package var isVerbose = false

    package init(stateFolder: String, workerCommand: [String]) {
        self.stateFolder = stateFolder
        self.workerCommand = workerCommand
    }
}
