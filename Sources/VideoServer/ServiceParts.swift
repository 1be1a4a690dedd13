import Crypto
import HTTPClient
import HTTPServer
import JobStore
import Media
import VideoProvider
import VideoTypes

/// What the service is put together from, each checked before anything starts.
enum ServiceParts {
    /// Without keys only this machine may ask.
    static func keys(_ options: ServiceOptions) throws(VideoError) -> KeyRing {
        if let path = options.keyFile { return try KeyRing(path: path) }
        let address = address(options)
        guard HTTPServerOptions.isAddress(address) else { throw HTTPServerError.notAnAddress(address).videoError }
        guard address.hasPrefix("127.") || address == "::1" else {
            throw .invalid(
                "\(options.host) can be reached from other machines, so a key file is needed",
                hint: "add \(.keyFile, "FILE"), or leave \(.host) out")
        }
        return .open
    }

    /// Names as they are compared; `@FILE` stands for those in a file.
    static func names(_ words: Set<String>) throws(VideoError) -> Set<String> {
        var names: Set<String> = []
        for word in words {
            guard word.hasPrefix("@") else {
                names.insert(word.lowercased())
                continue
            }
            for line in try NameFile.text(String(word.dropFirst())).split(whereSeparator: \.isNewline) {
                let words = line.prefix { $0 != "#" }.split { $0.isWhitespace || $0 == "," }
                names.formUnion(words.map { $0.lowercased() })
            }
        }
        return names
    }

    /// By which clients may call the service.
    static func hostNames(_ options: ServiceOptions) throws(VideoError) -> Set<String> {
        HTTPServerOptions().hostNames.union(try names(options.hostNames))
    }

    /// The one name that always means this machine is taken for its address.
    static func address(_ options: ServiceOptions) -> String {
        options.host.lowercased() == "localhost" ? "127.0.0.1" : options.host
    }

    static func webhooks(_ options: ServiceOptions, log: (String) -> Void) throws(VideoError) -> WebhookPolicy {
        let hosts = try names(options.webhookHosts)
        let privateHosts = try names(options.localWebhookHosts)
        guard !hosts.isEmpty || !privateHosts.isEmpty else {
            guard options.webhookSecretFile == nil else {
                throw .invalid("a webhook secret without webhook hosts", hint: "add \(.webhookHosts)")
            }
            return .off
        }
        guard let path = options.webhookSecretFile else {
            throw .invalid("webhook hosts without a secret to sign with", hint: "add \(.webhookSecretFile, "FILE")")
        }
        let secret = try WebhookPolicy.secret(SecretFile.text(path, what: "webhook secret"))
        var destinations = DestinationPolicy(hosts: hosts)
        destinations.privateHosts = privateHosts
        for finding in WebhookHosts.findings(destinations) {
            guard finding.isLasting else {
                log("wan-infer: the webhook host \(finding.host) cannot be called now: \(finding.reason)")
                continue
            }
            throw .invalid(
                "the webhook host \(finding.host) can never be called: \(finding.reason)",
                hint: "a host of your own network or this machine is named with \(.localWebhookHosts)")
        }
        return WebhookPolicy(destinations: destinations, secret: secret)
    }

    static func store(_ options: ServiceOptions, log: (String) -> Void) throws(VideoError) -> JobStore {
        do throws(StoreError) {
            let store = try JobStore(folder: options.stateFolder)
            let found = try store.recover()
            for (count, what) in [
                (found.requeued.count, "jobs queued again"), (found.completed.count, "finished clips taken in"),
                (found.lost.count, "clips whose file is lost"), (found.quarantined.count, "changed files set aside"),
                (found.crashedForGood.count, "jobs given up after three attempts"),
            ] where count > 0 {
                log("wan-infer: \(count) \(what)")
            }
            // Nobody knows what they are: they are not ours to remove.
            let kept = try store.outputs.putAway()
            if kept.files > 0 {
                log(
                    "wan-infer: \(kept.files) changed files of \(kept.bytes >> 20) MiB lie in "
                        + "\(options.stateFolder)/quarantine; remove what you do not need")
            }
            return store
        } catch {
            throw error.videoError
        }
    }

    /// Who makes the clips, and what is said of that.
    static func maker(
        _ options: ServiceOptions
    ) throws(VideoError) -> (
        maker: VideoDesk.Maker, name: String, samplePrompt: String, limits: ProviderCapabilities.Limits
    ) {
        if let router = options.router { return (.router(router), "router", "a cat", RoutedService.limits) }
        let planner = try VideoPlanner(options.model, adapters: options.adapters)
        // No order can name a scheduler, so the folder's own must be one that runs.
        _ = try planner.plan(forecasting: VideoRequest(prompt: planner.samplePrompt))
        return (.worker(planner), planner.modelName, planner.samplePrompt, planner.limits)
    }

    static func router(
        _ store: JobStore, _ maker: VideoDesk.Maker, _ clock: ServiceClock
    ) -> FleetRouter? {
        guard case .router(let routed) = maker else { return nil }
        return FleetRouter(
            fleet: routed.fleet,
            pictures: { (job) throws(VideoError) in
                var images: [ReferenceImage] = []
                for role in job.order.pictureRoles {
                    do throws(PictureError) {
                        images.append(try PictureFile(path: store.outputs.inputPath(job.id, role)).image(role))
                    } catch {
                        throw error.videoError(about: role.term)
                    }
                }
                return images
            }, clock: clock)
    }

    /// Jobs of the other kind would wait for somebody who never comes.
    static func checkJobs(_ store: JobStore, _ maker: VideoDesk.Maker) throws(VideoError) {
        let open: (routed: Int, planned: Int)
        do throws(StoreError) {
            open = try store.unfinished()
        } catch {
            throw error.videoError
        }
        switch maker {
        case .worker where open.routed > 0:
            throw .invalid(
                "\(open.routed) unfinished jobs in the state folder are for a router",
                hint: "start the service with its router, or give it another \(.stateFolder)")
        case .router where open.planned > 0:
            throw .invalid(
                "\(open.planned) unfinished jobs in the state folder are for a worker of this machine",
                hint: "start the service without a router until they are done, or give it another \(.stateFolder)")
        default: return
        }
    }

    /// As browsers write it: nothing behind the host and port, the standard port left out.
    private static func checked(origin: String) throws(VideoError) -> String {
        guard let address = try? WebAddress(origin), address.target == "/", !origin.hasSuffix("/") else {
            throw .invalid(
                "'\(origin)' is not the origin of a web site", hint: "example: \(.origins, "https://app.example.org")")
        }
        return String(address.text.dropLast())
    }

    static func server(_ options: ServiceOptions, _ handler: ServiceHandler) throws(VideoError) -> HTTPServer {
        var http = HTTPServerOptions(host: address(options), port: options.port)
        http.hostNames = try hostNames(options)
        for origin in options.origins { http.origins.insert(try checked(origin: origin)) }
        do throws(HTTPServerError) {
            return try HTTPServer(http, handler: handler)
        } catch {
            throw error.videoError
        }
    }
}
