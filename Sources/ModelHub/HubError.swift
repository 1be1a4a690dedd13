package import Files
import StrictJSON
package import VideoTypes

/// Why a model could not be fetched, or what is here cannot be used.
package enum HubError: Error, Hashable, Sendable {
    /// A variable of the environment, or the file that it names.
    case setting(name: String, found: String, rule: String)
    case noFolder
    /// The environment forbids to ask the hub.
    case offline(variable: String)
    case notFound(repository: String, revision: String, host: String)
    case unauthorised(repository: String, host: String, hadToken: Bool)
    /// One that wants to be asked for first.
    case gated(repository: String, page: String, hadToken: Bool)
    /// Any other refusal, after all attempts.
    case refused(status: Int, host: String, waitSeconds: Int?)
    /// No connection, or one that broke, again and again.
    case interrupted(host: String, reason: String, attempts: Int)
    /// An answer that cannot be believed.
    case badAnswer(host: String, problem: String)
    case badRedirect(host: String, problem: String)
    /// What the engine reads and the repository has not.
    case fileMissing(repository: String, path: String)
    case noWeights(repository: String, folder: String, others: [String])
    /// The bytes are not those that were declared.
    case digest(path: String, expected: String, found: String, declaredBy: String)
    case size(path: String, expected: Int, found: Int, declaredBy: String)
    case diskFull(folder: String, needed: Int, free: Int)
    case file(path: String, FileFailure)
    /// Something that is not ours stands in the place of a file or folder.
    case inTheWay(path: String, found: String)
    case locked(folder: String)
    case badRecord(path: String, problem: String)
    case notHere(model: String, root: String)
    case cancelled
    case failed(VideoError)
}

extension HubError: Reportable {
    package var videoError: VideoError {
        if case .failed(let error) = self { return error }
        return VideoError(code, Wording(plain: message), field: .model, hint: remedy)
    }

    private var code: VideoError.Code {
        switch self {
        case .setting, .noFolder: .invalidRequest
        case .notFound, .notHere: .modelNotFound
        case .fileMissing, .noWeights, .digest, .size, .badRecord: .weightsInvalid
        case .diskFull: .diskFull
        case .file(_, let failure): failure.isFullDisk ? .diskFull : .outputFailed
        case .inTheWay: .outputFailed
        case .cancelled: .cancelled
        case .failed(let error): error.code
        default: .fetchFailed
        }
    }

    /// One line: the thing, what was found and what was expected.
    package var message: String {
        switch self {
        case .setting(let name, let found, let rule): "\(name) must be \(rule), is '\(found.printable)'"
        case .noFolder: "no place to keep models is known"
        case .offline(let variable): "\(variable) is set, so no hub is asked"
        case .notFound(let repository, let revision, let host):
            "\(host) has no \(repository.printable) of revision \(revision.printable)"
        case .unauthorised(let repository, let host, let hadToken):
            "\(host) does not let us in to \(repository), \(Self.token(hadToken))"
        case .gated(let repository, _, let hadToken):
            "\(repository) is given only to those who asked for it, \(Self.token(hadToken))"
        case .refused(let status, let host, let seconds):
            "\(host) answers \(status)" + (seconds.map { " and asks to wait \($0) s" } ?? "")
        case .interrupted(let host, let reason, let attempts):
            "\(host): \(reason), \(attempts) times in a row without a byte"
        case .badAnswer(let host, let problem): "\(host) gave an answer that cannot be used: \(problem.printable)"
        case .badRedirect(let host, let problem): "\(host) sends us to where we do not go: \(problem.printable)"
        case .fileMissing(let repository, let path): "\(repository): no \(path.printable), which the engine reads"
        case .noWeights(let repository, let folder, let others):
            "\(repository): no weights that the engine reads in \(folder)"
                + (others.isEmpty ? "" : "; there is " + others.map(\.printable).joined(separator: ", "))
        case .digest(let path, let expected, let found, let declaredBy):
            "\(path.printable): SHA-256 is \(found), \(declaredBy) says \(expected.printable)"
        case .size(let path, let expected, let found, let declaredBy):
            "\(path.printable): \(found) bytes, \(declaredBy) says \(expected)"
        case .diskFull(let folder, let needed, let free):
            "\(folder): \(needed) bytes are still to come, the disk has room for \(free)"
        case .file(let path, let failure): "\(path.printable): \(failure)"
        case .inTheWay(let path, let found): "\(path.printable): \(found) is in the way"
        case .locked(let folder): "\(folder): another pull of this model is at work"
        case .badRecord(let path, let problem): "\(path): not a record of a pull: \(problem.printable)"
        case .notHere(let model, let root): "\(model) is not in \(root)"
        case .cancelled: "stopped; what has come is kept"
        case .failed(let error): error.message
        }
    }

    private static func token(_ hadToken: Bool) -> String { hadToken ? "with the token there is" : "without a token" }

    private var remedy: Wording? {
        switch self {
        case .setting, .fileMissing, .noWeights: nil
        case .noFolder: "set HOME, or WAN_INFER_MODELS to a folder"
        case .offline(let variable): "unset \(variable)"
        case .notFound: "check the name and the revision; \(.models) lists what there is"
        case .unauthorised(_, _, false):
            "put a token of yours into HF_TOKEN, or into the file that HF_TOKEN_PATH names"
        case .unauthorised(_, _, true): "the token may have ended: make a new one"
        case .gated(_, let page, let hadToken):
            hadToken
                ? "accept its terms on \(page), with the account that the token is of"
                : "accept its terms on \(page), then put a token of yours into HF_TOKEN"
        case .refused, .interrupted: "the same command later goes on where this one ended"
        case .badAnswer: "is HF_ENDPOINT a hub's address?"
        case .badRedirect: "ask another mirror, with HF_ENDPOINT"
        case .digest, .size: "the file was thrown away; fetch it again, or from another mirror with HF_ENDPOINT"
        case .diskFull: "free some space, or name a folder on another disk with WAN_INFER_MODELS"
        case .file(_, let failure): failure.isFullDisk ? "free some space; the same command then goes on" : nil
        case .inTheWay: "move it away"
        case .locked: "wait for it"
        case .badRecord(let path, _): "move \(path) away and fetch the model again"
        case .notHere: "\(.models) says what is on this machine"
        case .cancelled: "the same command goes on where this one ended"
        case .failed(let error): error.remedies.first
        }
    }
}
