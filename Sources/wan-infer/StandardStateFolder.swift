import Backends
import VideoTypes

/// Where the service keeps jobs and clips.
enum StandardStateFolder {
    /// Where programs keep what must outlive them.
    static func path() throws(VideoError) -> String {
        let environment = Machine.environment
        if let folder = environment["XDG_STATE_HOME"], folder.hasPrefix("/") { return folder + "/wan-infer" }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/state/wan-infer" }
        throw .invalid("no place to keep the jobs is known", hint: "give one with --state DIR")
    }
}
