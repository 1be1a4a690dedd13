/// The tensors of a network that adapters may change, under all names that trainers give their modules.
package struct AdapterTargets: Sendable {
    private let shapes: [String: [Int]]
    /// The model's own names of modules, and of parameters that belong to none, by every name of theirs.
    private let modules: [String: String]
    /// The same by names without dots.
    private let flatModules: [String: String]

    /// - Parameters:
    ///   - shapes: of the network's tensors, under the model's own names.
    ///   - otherName: what a module or parameter is called in another layout; nil for what it does not have.
    package init(_ shapes: [String: [Int]], otherName: (_ name: String) -> String?) {
        let own = Set(
            shapes.keys.map { key in
                String(key.dropLast([".weight", ".bias"].first { key.hasSuffix($0) }?.count ?? 0))
            })
        var modules: [String: String] = [:]
        for module in own {
            if let name = otherName(module) { modules[name] = module }
        }
        // Behind the others: a name of one layout may be another module's in the model's own.
        for module in own { modules[module] = module }
        self.shapes = shapes
        self.modules = modules
        var flat: [String: String] = [:]
        for (name, module) in modules { flat[name.replacing(".", with: "_")] = module }
        flatModules = flat
    }

    /// What stands in front of names, by trainer.
    private static let prefixes = ["base_model.model.", "model.", "diffusion_model.", "transformer.", "net."]
    private static let flatPrefixes = ["lora_unet__", "lora_unet_", "lora_transformer_", "lycoris_"]

    /// The model's own name of a module that a file calls `name`; nil where there is none.
    func module(_ name: String) -> String? {
        var rest = name[...]
        // Two prefixes are the most that anybody writes.
        for _ in 0...2 {
            if let module = modules[String(rest)] { return module }
            guard let prefix = Self.prefixes.first(where: { rest.hasPrefix($0) }) else { break }
            rest = rest.dropFirst(prefix.count)
        }
        for prefix in Self.flatPrefixes where name.hasPrefix(prefix) {
            if let module = flatModules[String(name.dropFirst(prefix.count))] { return module }
        }
        return nil
    }

    func shape(_ key: String) -> [Int]? { shapes[key] }
}
