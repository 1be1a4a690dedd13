import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// What the shell passed after the program's name.
enum CommandLineWords {
    /// nil for a word that is not UTF-8; `CommandLine.arguments` would repair it without a sound.
    static var all: [String?] {
        let words = unsafe CommandLine.unsafeArgv
        return (1..<max(Int(CommandLine.argc), 1)).map { index in
            unsafe words[index].flatMap { unsafe String(validatingCString: $0) }
        }
    }

    static func checked(_ words: [String?]) throws(VideoError) -> [String] {
        var checked: [String] = []
        for (index, word) in words.enumerated() {
            guard let word else {
                throw .invalid("argument \(index + 1) is not valid UTF-8", hint: "convert it, for example with iconv")
            }
            checked.append(word)
        }
        return checked
    }
}
