import CBuiltinModel
import Compute
package import Weights

/// What is inside the binary: a small model and the list of all models.
package enum BuiltInModel {
    package static let name = "built-in"

    /// Whether `text` is a name of it, the one it once had too.
    package static func isCalled(_ text: String) -> Bool { [name, "builtin"].contains(text.lowercased()) }

    /// The model's files, used where they lie.
    package static var folder: ModelFolder {
        var count = 0
        guard let files = unsafe cbuiltin_model_files(&count) else { return ModelFolder(files: [:], name: name) }
        var table: [String: HostBytes] = [:]
        for index in 0..<count {
            let file = unsafe files[index]
            unsafe table[String(cString: file.path)] = bytes(file)
        }
        return ModelFolder(files: table, name: name)
    }

    /// The models we know and what each deserves.
    package static func manifest() throws(WeightError) -> Manifest {
        try Manifest(unsafe bytes(cbuiltin_manifest()))
    }

    private static func bytes(_ file: cbuiltin_file) -> HostBytes {
        // Safe: the bytes are a constant of the binary.
        unsafe HostBytes(base: UnsafeRawPointer(file.bytes), count: file.count, owner: nil)
    }
}
