package import VideoTypes

/// Why the journal or the output folder did not do what was asked.
package enum StoreError: Error, Sendable, Equatable {
    case libraryMissing(name: String, reason: String)
    case libraryTooOld(found: String, needed: String)
    /// Another service works in the folder.
    case inUse(folder: String)
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

extension StoreError {
    /// For those who asked.
    ///
    /// Names files of this machine: for its owner, not for clients.
    package var videoError: VideoError {
        switch self {
        case .libraryMissing(let name, let reason):
            VideoError(.stateUnusable, "\(name) cannot be opened: \(reason)", hint: "install libsqlite3-0 and libssl3")
        case .libraryTooOld(let found, let needed):
            VideoError(.stateUnusable, "SQLite \(found) is older than \(needed)", hint: "install a newer libsqlite3-0")
        case .inUse(let folder):
            VideoError(
                .stateUnusable, "another service works in \(folder)", hint: "stop it, or choose another --state")
        case .networkFileSystem(let folder, let kind):
            VideoError(
                .stateUnusable, "\(folder) is on a network file system (\(kind)), where a journal is not safe",
                hint: "choose a --state on a local disk")
        case .newerSchema(let found, let known):
            VideoError(
                .stateUnusable, "the journal has version \(found), this program knows \(known)",
                hint: "use the newer program, or choose another --state")
        case .damaged(let what):
            VideoError(
                .stateUnusable, "the journal is damaged: \(what)",
                hint: "move jobs.db, jobs.db-wal and jobs.db-shm out of the state folder; finished files are kept")
        case .diskFull:
            VideoError(.diskFull, "no room on the disk of the state folder", hint: "free some space")
        case .outputMissing(let id):
            VideoError(.outputLost, "the file of \(id) is not there", hint: "submit the job again")
        case .database(let code, let text):
            VideoError(.stateUnusable, "the journal cannot be used: \(text) (SQLite error \(code))")
        case .system(let call, let path, let errno):
            VideoError(.stateUnusable, "\(call) failed on \(path) (error \(errno))")
        }
    }
}
