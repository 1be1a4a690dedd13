/// The files of this repository.
enum Repository {
    static func path(_ name: String, from file: String = #filePath) -> String {
        "/\(file.split(separator: "/").dropLast(3).joined(separator: "/"))/\(name)"
    }
}
