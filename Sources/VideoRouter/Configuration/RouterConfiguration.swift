import Files
import StrictJSON
import VideoTypes

/// A router as its owner wrote it down: who makes clips, for whose money, and where what it remembers lies.
package struct RouterConfiguration: Sendable {
    /// Orders, clips, promises and decisions; made where it is missing.
    package var folder: String
    /// nil where this machine makes none itself.
    package var local: LocalMachine?
    package var servers: [RemoteProviderOptions] = []
    package var clouds: [Account] = []
    package var policy = RoutingPolicy()
    package var limits = SpendingLimits()
    /// Prices that go before ours.
    package var prices: String?
    /// Characters and environments that requests may name.
    package var cast = Cast.none
    /// Who judges finished clips; nil where nobody does.
    package var scorer: ClipScorerOptions?
    /// Names of models by which clients of a service mean whoever serves best.
    package var alsoCalled: Set<String> = []

    /// A key at a cloud, and the models that are used with it.
    package struct Account: Sendable {
        package var options: CloudOptions
        package var models: [Model]
        /// nil for the cloud's own.
        package var pollSeconds: Double?
    }

    package struct Model: Sendable, Hashable {
        /// Of the provider.
        package let name: String
        package let id: String
    }
}

/// This machine as a provider.
package struct LocalMachine: Sendable, Hashable {
    package var name = "local"
    /// As the command takes it; nil for the built-in one.
    package var model: String?
    package var device = "auto"
    package var threads: Int?
    package var dollarsPerKilowattHour = 0.15
    package var watts: Double?
    package var dollarsPerHour = 0.0
    package var utilisation = 1.0
}

extension RouterConfiguration {
    /// Where clips lie until they are taken.
    package var clips: String { folder + "/clips" }
    package var orders: String { folder + "/orders" }
    package var promises: String { folder + "/promises" }
    package var memory: String { folder + "/memory" }
    package var decisions: String { folder + "/decisions.jsonl" }

    private static let maxBytes = 4 << 20

    /// Reads a file; names of files in it are beside it.
    package init(file path: String) throws(RouterError) {
        let bytes: [UInt8]?
        do throws(FileFailure) {
            bytes = try FileBytes.read(path, limit: Self.maxBytes)
        } catch {
            throw RouterError(.configuration, "the configuration \(path.printable) cannot be read: \(error)")
        }
        guard let bytes else { throw RouterError(.configuration, "there is no configuration \(path.printable)") }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        do throws(JSONFieldError) {
            try self.init(bytes, beside: folder)
        } catch {
            throw RouterError(.configuration, "\(path.printable): \(error.message)")
        }
    }

    /// - Parameter place: in front of names of files, with its slash; empty for the folder in which the program runs.
    init(_ text: [UInt8], beside place: String) throws(JSONFieldError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(text)
        } catch {
            throw JSONFieldError("", "no JSON at byte \(error.offset): \(error.problem.message)")
        }
        let reader = RouterReader(place: place)
        let root = try JSONFields(value)
        try root.know([
            "folder", "local", "servers", "clouds", "policy", "budget", "prices", "cast", "scorer", "also_called",
        ])
        folder = try root.needed("folder", try reader.path(root, "folder"))
        prices = try reader.path(root, "prices")
        alsoCalled = Set(try root.strings("also_called") ?? [])
        if let fields = try root.fields("policy") { policy = try RoutingPolicy(fields) }
        if let fields = try root.fields("budget") { limits = try SpendingLimits(fields) }
        cast = try reader.cast(root)
        if let fields = try root.fields("scorer") { scorer = try reader.scorer(fields) }
        if let fields = try root.fields("local") {
            var machine = try LocalMachine(fields)
            // A folder, not a name of the list.
            if machine.model?.contains("/") == true { machine.model = try reader.path(fields, "model") }
            local = machine
        }
        for (index, row) in try (root.array("servers", atMost: 100) ?? []).enumerated() {
            servers.append(try reader.server(try JSONFields(row, "servers[\(index)]"), clips: folder + "/clips"))
        }
        for (index, row) in try (root.array("clouds", atMost: 100) ?? []).enumerated() {
            clouds.append(try reader.account(try JSONFields(row, "clouds[\(index)]"), clips: folder + "/clips"))
        }
        try check()
    }

    /// Who is in it, in the order of preference among equals.
    package var names: [String] {
        [local?.name].compactMap(\.self) + servers.map(\.name) + clouds.flatMap { $0.models.map(\.name) }
    }

    private func check() throws(JSONFieldError) {
        guard !names.isEmpty else {
            throw JSONFieldError("", "nobody is in it who makes clips; give local, servers or clouds")
        }
        var known: Set<String> = []
        for name in names where !known.insert(name).inserted {
            throw JSONFieldError("", "two providers have the name '\(name.printable)'; give one of them another name")
        }
        if let stranger = policy.providers.subtracting(known).min() {
            throw JSONFieldError(
                "policy",
                "names '\(stranger.printable)', which is no provider; there are: "
                    + names.joined(separator: ", "))
        }
    }
}

extension LocalMachine {
    fileprivate init(_ fields: JSONFields) throws(JSONFieldError) {
        try fields.know([
            "name", "model", "device", "threads", "dollars_per_kilowatt_hour", "watts", "dollars_per_hour",
            "utilisation",
        ])
        name = try fields.name("name") ?? name
        model = try fields.string("model")
        device = try fields.string("device") ?? device
        threads = try fields.integer("threads", in: 1...1024)
        let dollars = try fields.number("dollars_per_kilowatt_hour", in: 0...1000)
        dollarsPerKilowattHour = dollars ?? dollarsPerKilowattHour
        watts = try fields.number("watts", in: 0...1e6)
        dollarsPerHour = try fields.number("dollars_per_hour", in: 0...1000) ?? 0
        utilisation = try fields.number("utilisation", in: 0.001...1) ?? 1
    }
}

extension JSONFields {
    /// Refuses members of other names, and says which there are.
    func know(_ names: [String]) throws(JSONFieldError) {
        do throws(JSONFieldError) {
            try allow(Set(names))
        } catch {
            throw JSONFieldError(error.path, "\(error.problem); known are \(names.joined(separator: ", "))")
        }
    }

    /// What policies, metrics and the command call a provider.
    func name(_ member: String) throws(JSONFieldError) -> String? {
        guard let name = try string(member) else { return nil }
        let isPlain = name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
        guard (1...100).contains(name.utf8.count), isPlain else {
            throw JSONFieldError(path(member), "must be 1 to 100 visible ASCII characters without quotes")
        }
        return name
    }
}
