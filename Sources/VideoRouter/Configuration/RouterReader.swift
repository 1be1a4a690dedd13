import StrictJSON
import VideoTypes

/// Reads what a configuration says of servers and of accounts at clouds.
struct RouterReader {
    /// In front of names of files.
    let place: String

    /// A file's name; one that begins with a slash stands as it is.
    func path(_ fields: JSONFields, _ name: String) throws(JSONFieldError) -> String? {
        guard let text = try fields.string(name) else { return nil }
        guard !text.isEmpty, text.utf8.count <= 4096, !text.utf8.contains(0) else {
            throw JSONFieldError(fields.path(name), "must be the name of a file, of 1 to 4096 bytes")
        }
        return beside(text)
    }

    func beside(_ name: String) -> String { name.hasPrefix("/") ? name : place + name }

    /// Where a key is: never the key itself.
    func key(_ fields: JSONFields, _ name: String) throws(JSONFieldError) -> RemoteProviderOptions.Key? {
        guard let value = fields.value(name) else { return nil }
        let rule = "must say where the key is: {\"file\": NAME} or {\"environment\": NAME}"
        // Its text may be the key: it is not repeated.
        guard case .object = value else {
            throw JSONFieldError(fields.path(name), rule + "; a key does not stand here")
        }
        let source = try JSONFields(value, fields.path(name))
        try source.know(["file", "environment"])
        switch (try path(source, "file"), try source.string("environment")) {
        case (let file?, nil): return .file(file)
        case (nil, let variable?):
            let isName = variable.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "_")
            }
            guard isName, (1...100).contains(variable.utf8.count) else {
                throw JSONFieldError(
                    source.path("environment"), "must be the name of a variable, of letters, digits, _")
            }
            return .environment(variable)
        default: throw JSONFieldError(fields.path(name), rule)
        }
    }

    // MARK: Servers

    func server(_ fields: JSONFields, clips: String) throws(JSONFieldError) -> RemoteProviderOptions {
        try fields.know([
            "name", "url", "model", "key", "fields", "sizes", "seconds", "qualities", "dollars_per_second",
            "seconds_per_second", "give_up_seconds", "authorities", "plain_http",
        ])
        var options = RemoteProviderOptions(
            name: try fields.needed("name", fields.name("name")), url: try fields.needed("url", fields.string("url")),
            folder: clips)
        options.model = try fields.string("model")
        options.key = try key(fields, "key")
        options.fields = try fields.word("fields", RemoteProviderOptions.Fields.self) ?? options.fields
        options.sizes = try sizes(fields)
        options.durationsSeconds = try seconds(fields)
        options.qualities = try qualities(fields) ?? options.qualities
        options.dollarsPerSecond = try fields.number("dollars_per_second", in: 0...10_000) ?? 0
        options.latencyPerSecond = try fields.number("seconds_per_second", in: 0...1e6) ?? options.latencyPerSecond
        options.giveUpSeconds = try fields.number("give_up_seconds", in: 1...1e7) ?? options.giveUpSeconds
        options.authorities = try path(fields, "authorities")
        options.allowsPlainHTTP = try fields.bool("plain_http") ?? false
        return options
    }

    private func sizes(_ fields: JSONFields) throws(JSONFieldError) -> [RemoteProviderOptions.Size] {
        var sizes: [RemoteProviderOptions.Size] = []
        let sides = VideoRequest.Limits.side
        for text in try fields.strings("sizes") ?? [] {
            let parts = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard parts.count == 2, parts.allSatisfy(sides.contains) else {
                throw JSONFieldError(fields.path("sizes"), "must be sizes like 1280x720")
            }
            sizes.append(.init(width: parts[0], height: parts[1]))
        }
        return sizes
    }

    private func seconds(_ fields: JSONFields) throws(JSONFieldError) -> [Double] {
        var seconds: [Double] = []
        for value in try fields.array("seconds") ?? [] {
            guard case .number(let text) = value, let number = Double(text),
                VideoRequest.Limits.durationSeconds.contains(number)
            else { throw JSONFieldError(fields.path("seconds"), "must be lengths of clips, as [4, 8]") }
            seconds.append(number)
        }
        return seconds
    }

    private func qualities(_ fields: JSONFields) throws(JSONFieldError) -> Set<Quality>? {
        guard let words = try fields.strings("qualities") else { return nil }
        let found = Set(words.compactMap { Quality(rawValue: $0) })
        guard !words.isEmpty, found.count == words.count else {
            let names = Quality.allCases.map(\.rawValue).joined(separator: ", ")
            throw JSONFieldError(fields.path("qualities"), "must be one or more of \(names), each once")
        }
        return found
    }

    // MARK: Clouds

    func account(_ fields: JSONFields, clips: String) throws(JSONFieldError) -> RouterConfiguration.Account {
        try fields.know([
            "cloud", "models", "key", "secret", "url", "project", "location", "slots", "give_up_seconds",
            "poll_seconds", "authorities",
        ])
        let cloud = try fields.needed("cloud", try fields.string("cloud"))
        guard CloudNames.all.contains(cloud) else {
            let names = CloudNames.all.sorted().joined(separator: ", ")
            throw JSONFieldError(fields.path("cloud"), "'\(cloud.printable)' is no cloud; there are: \(names)")
        }
        var options = CloudOptions(cloud: cloud, folder: clips)
        options.key = try key(fields, "key")
        options.secret = try key(fields, "secret")
        options.url = try fields.string("url")
        options.project = try fields.string("project")
        options.location = try fields.string("location")
        options.slots = try fields.integer("slots", in: 1...10_000)
        options.giveUpSeconds = try fields.number("give_up_seconds", in: 1...1e7) ?? options.giveUpSeconds
        options.authorities = try path(fields, "authorities")
        let models = try self.models(fields, options)
        return .init(options: options, models: models, pollSeconds: try fields.number("poll_seconds", in: 0.01...600))
    }

    private func models(
        _ fields: JSONFields, _ options: CloudOptions
    ) throws(JSONFieldError) -> [RouterConfiguration.Model] {
        let entry: CloudCatalogue.Entry
        do throws(RouterError) {
            entry = try CloudCatalogue.cloud(options)
        } catch {
            throw JSONFieldError(fields.path("cloud"), error.message)
        }
        if options.secret != nil, entry.cloud.keyScheme != .signedToken {
            throw JSONFieldError(fields.path("secret"), "is no part of \(options.cloud)'s keys; leave it out")
        }
        var models: [RouterConfiguration.Model] = []
        for (index, value) in try fields.needed("models", fields.array("models", atMost: 100)).enumerated() {
            models.append(try model(value, fields.path("models[\(index)]"), options.cloud))
        }
        guard !models.isEmpty else { throw JSONFieldError(fields.path("models"), "must not be empty") }
        for (index, model) in models.enumerated() where entry.cloud.model(model.id) == nil {
            let names = entry.cloud.models.map(\.id).joined(separator: ", ")
            throw JSONFieldError(
                fields.path("models[\(index)]"),
                "'\(model.id.printable)' is no model of \(options.cloud) here; there are: \(names)")
        }
        return models
    }

    /// "kling-v3-pro", or with a name of its own.
    private func model(
        _ value: JSONValue, _ path: String, _ cloud: String
    ) throws(JSONFieldError) -> RouterConfiguration.Model {
        if case .string(let id) = value { return .init(name: "\(cloud)/\(id)", id: id) }
        let fields = try JSONFields(value, path)
        try fields.know(["model", "name"])
        let id = try fields.needed("model", fields.string("model"))
        return .init(name: try fields.name("name") ?? "\(cloud)/\(id)", id: id)
    }
}
