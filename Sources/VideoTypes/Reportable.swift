/// An error of a room that knows what it means to whoever asked for a clip.
///
/// Every error that can leave a room is one, so that its kind survives whatever closures it crosses on its way out.
package protocol Reportable: Error {
    var videoError: VideoError { get }
}

extension VideoError: Reportable {
    package var videoError: VideoError { self }
}

extension VideoError {
    /// What `error` means outside; what no room has words for is a mistake of ours.
    package init(reporting error: any Error) {
        if let error = error as? any Reportable {
            self = error.videoError
        } else {
            self = VideoError(.internalError, "unexpected: \(error)", hint: "please report this with the command line")
        }
    }
}
