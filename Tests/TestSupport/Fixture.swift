/// Files made by `Tests/Reference`, found beside the test that uses them.
package enum Fixture {
    /// The path of `name` in the folder `Fixtures` beside the calling file.
    package static func path(_ name: String, beside file: String = #filePath) -> String {
        let folder = file.split(separator: "/").dropLast().joined(separator: "/")
        return "/\(folder)/Fixtures/\(name)"
    }

    /// The folder of a tiny random model that Diffusers wrote: "wan21-t2v", "wan22-ti2v", "wan22-a14b".
    package static func model(_ name: String, from file: String = #filePath) -> String {
        let tests = file.split(separator: "/").dropLast(2).joined(separator: "/")
        return "/\(tests)/PipelinesTests/Fixtures/\(name)/model"
    }

    /// A picture that the tests of Media read, or refuse: "rgb8.png", "refused/tiff.png".
    package static func picture(_ name: String, from file: String = #filePath) -> String {
        let tests = file.split(separator: "/").dropLast(2).joined(separator: "/")
        return "/\(tests)/MediaTests/Fixtures/pictures/\(name)"
    }
}
