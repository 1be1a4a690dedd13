import Glibc

/// Looks for NVIDIA's libraries where packages, installers and pip put them.
package struct LibrarySearch: LibrarySource {
    /// The variables that say where: CUDA_HOME, CUDA_PATH, VIRTUAL_ENV, CONDA_PREFIX, HOME.
    private let variables: [String: String]
    /// A folder that stands for the machine's root in a test; nil asks the dynamic linker first.
    private let root: String?

    /// - Parameters:
    ///   - variables: the environment.
    ///   - root: a folder that stands for the machine's root in a test.
    package init(variables: [String: String], root: String? = nil) {
        self.variables = variables
        self.root = root
    }

    package func candidates(for library: CUDALibrary) -> [LibraryCandidate] {
        let names = library.names.map { LibraryCandidate(name: $0.name, major: $0.major) }
        let folders = library == .driver || library == .management ? driverFolders : toolkitFolders + pythonFolders
        var found = root == nil ? names : []
        for folder in folders {
            for name in names {
                let path = "\(folder)/\(name.name)"
                let candidate = LibraryCandidate(name: path, major: name.major)
                if unsafe access(path, R_OK) == 0, !found.contains(candidate) { found.append(candidate) }
            }
        }
        return found
    }

    package func open(_ candidate: LibraryCandidate) throws(LibraryFailure) -> SharedLibrary {
        try SharedLibrary(opening: candidate.name)
    }

    // MARK: folders

    /// Containers and WSL keep the driver's libraries where the linker does not look.
    private var driverFolders: [String] {
        (Self.multiarch + ["/usr/lib64", "/usr/local/nvidia/lib64", "/usr/lib/wsl/lib"]).map(inRoot)
    }

    private var toolkitFolders: [String] {
        var folders: [String] = []
        for variable in ["CUDA_HOME", "CUDA_PATH"] {
            guard let home = value(variable) else { continue }
            folders += ["\(home)/lib64", "\(home)/lib"]
        }
        if let conda = value("CONDA_PREFIX") { folders.append("\(conda)/lib") }
        folders += ["/usr/local/cuda/lib64"] + Self.multiarch + ["/usr/lib64"]
        return folders.map(inRoot)
    }

    /// The `nvidia/*/lib` of every Python in the usual places.
    private var pythonFolders: [String] {
        var patterns: [String] = []
        for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
            if let home = value(variable) { patterns.append("\(home)/lib/python3*/site-packages") }
        }
        if let home = value("HOME") {
            patterns.append("\(home)/.local/lib/python3*/site-packages")
            patterns.append("\(home)/.pyenv/versions/*/lib/python3*/site-packages")
        }
        patterns += [
            "/usr/lib/python3/dist-packages", "/usr/local/lib/python3*/dist-packages",
            "/usr/local/lib/python3*/site-packages",
        ]
        return patterns.flatMap { Self.folders(matching: inRoot($0) + "/nvidia/*/lib") }
    }

    private static let multiarch = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]

    private func value(_ variable: String) -> String? {
        guard let value = variables[variable], !value.isEmpty else { return nil }
        return value
    }

    private func inRoot(_ path: String) -> String { (root ?? "") + path }

    /// What a pattern stands for, sorted so that the newest Python comes first.
    private static func folders(matching pattern: String) -> [String] {
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        guard unsafe glob(pattern, 0, nil, &found) == 0, let paths = unsafe found.gl_pathv else { return [] }
        let names = (0..<Int(unsafe found.gl_pathc)).compactMap { index in
            unsafe paths[index].map { unsafe String(cString: $0) }
        }
        return names.sorted(by: isNewer)
    }

    /// Compares the numbers inside paths as numbers: python3.12 is newer than python3.9.
    private static func isNewer(_ one: String, _ other: String) -> Bool {
        func numbers(_ path: String) -> [Int] { path.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) } }
        return numbers(other).lexicographicallyPrecedes(numbers(one))
    }
}
