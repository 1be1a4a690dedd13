import Distributions
import Files
import Glibc
package import VideoTypes

/// Why the journal or the output folder did not do what was asked.
package enum StoreError: Error, Sendable, Equatable {
    case libraryMissing(name: String, reason: String)
    case libraryTooOld(found: String, needed: String)
    /// Nobody said where the jobs are to be kept.
    case unnamedFolder
    /// The folder holds something, and it is not ours.
    case foreignFolder(folder: String, found: String)
    /// Everybody may put files in the place of ours.
    case openToOthers(folder: String)
    /// Another service works in the folder.
    case inUse(folder: String)
    /// What was opened no longer lies where it was found.
    case moved(path: String)
    case networkFileSystem(folder: String, kind: String)
    /// The journal was written by a newer program.
    case newerSchema(found: Int, known: Int)
    /// What was read cannot have been written by us.
    case damaged(String)
    case diskFull
    /// A job is said to be finished, and there is no file.
    case outputMissing(JobID)
    case database(code: Int32, text: String)
    case system(call: String, path: String, errno: Int32)
}

extension StoreError: Reportable {
    /// For those who asked.
    ///
    /// Names files of this machine: for its owner, not for clients.
    package var videoError: VideoError {
        switch self {
        case .libraryMissing(let name, let reason):
            VideoError(
                .stateUnusable, plain: "\(name) cannot be opened: \(reason)", hint: Distribution.remedy(for: name))
        case .libraryTooOld(let found, let needed):
            VideoError(.stateUnusable, "SQLite \(found) is older than \(needed)", hint: "install a newer one")
        case .unnamedFolder:
            VideoError(.stateUnusable, "the state folder has no name", hint: "name one: \(.stateFolder, "DIR")")
        case .foreignFolder(let folder, let found):
            VideoError(
                .stateUnusable, "\(folder) holds '\(found)' and no journal of wan-infer; nothing in it was touched",
                hint: "choose an empty folder or a new name: \(.stateFolder, "'\(folder)/wan-infer'")")
        case .openToOthers(let folder):
            VideoError(
                .stateUnusable, "everybody may change what lies in \(folder)",
                remedies: [
                    "chmod o-w '\(folder)'",
                    "or name a folder inside it, which is made: \(.stateFolder, "'\(folder)/wan-infer'")",
                ])
        case .inUse(let folder):
            VideoError(
                .stateUnusable, "another service works in \(folder)", hint: "stop it, or choose another \(.stateFolder)"
            )
        case .moved(let path):
            VideoError(
                .stateUnusable, "\(path) was moved, removed or replaced while the service was at work",
                hint: "put it back, or start the service again")
        case .networkFileSystem(let folder, let kind):
            VideoError(
                .stateUnusable, "\(folder) is on a network file system (\(kind)), where a journal is not safe",
                hint: "choose a \(.stateFolder) on a local disk")
        case .newerSchema(let found, let known):
            VideoError(
                .stateUnusable, "the journal has version \(found), this program knows \(known)",
                hint: "use the newer program, or choose another \(.stateFolder)")
        case .damaged(let what):
            VideoError(
                .stateUnusable, "the journal is damaged: \(what)",
                hint: "rename the state folder, whose outputs/ holds the finished clips; a new one is made")
        case .diskFull:
            VideoError(.diskFull, "no room on the disk of the state folder", hint: "free some space")
        case .outputMissing(let id):
            VideoError(.outputLost, "the file of \(id) is not there", hint: "submit the job again")
        case .database(let code, let text):
            VideoError(
                .stateUnusable, "the journal cannot be used: \(text) (SQLite error \(code))",
                hint: "look at its disk, its permissions, and the limits on files: ulimit -n, ulimit -f")
        case .system(let call, let path, let errno):
            VideoError(
                .stateUnusable, "\(call) of '\(path)' fails: \(SystemError.text(errno))",
                hint: "choose another folder with \(.stateFolder, "DIR"), or mend this one")
        }
    }
}
