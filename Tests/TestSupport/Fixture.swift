/// Files made by `Tests/Reference`, found beside the test that uses them.
package enum Fixture {
    /// The path of `name` in the folder `Fixtures` beside the calling file.
    package static func path(_ name: String, beside file: String = #filePath) -> String {
        let folder = file.split(separator: "/").dropLast().joined(separator: "/")
        return "/\(folder)/Fixtures/\(name)"
    }
}
