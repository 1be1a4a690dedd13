import Distributions
import Files
package import VideoTypes

/// Why a server cannot start.
package enum HTTPServerError: Error, Hashable {
    case libraryMissing(name: String, reason: String)
    /// `host` is not a numeric address.
    case notAnAddress(String)
    case addressInUse(host: String, port: UInt16)
    /// The address is not one of this machine's.
    case addressNotHere(String)
    /// Ports below 1024 need a privilege.
    case portNotAllowed(UInt16)
    case system(call: String, errno: Int32)
    /// The library refused to start.
    case notStarted
}

extension HTTPServerError: Reportable {
    package var videoError: VideoError {
        switch self {
        case .libraryMissing(let name, let reason):
            VideoError(
                .deviceUnavailable, "\(name) cannot be opened: \(reason)",
                hint: Wording(plain: Distribution.remedy(for: name)))
        case .notAnAddress(let host):
            .invalid("'\(host)' is not a numeric address", field: .host, hint: Self.addresses)
        case .addressNotHere(let host):
            .invalid("\(host) is not an address of this machine", field: .host, hint: Self.addresses)
        case .addressInUse(let host, let port):
            .invalid("port \(port) of \(host) is in use", hint: "stop the other program, or choose another port")
        case .portNotAllowed(let port):
            .invalid("may not listen on port \(port)", hint: "choose a port from 1024 on")
        case .system(let call, let errno):
            VideoError(
                .deviceUnavailable, "cannot listen: \(call) failed: \(SystemError.text(errno))", hint: Self.limits)
        case .notStarted: VideoError(.deviceUnavailable, "libmicrohttpd did not start", hint: Self.limits)
        }
    }

    private static let addresses: Wording = "give an address such as 127.0.0.1, ::1 or 0.0.0.0"
    private static let limits: Wording = "look at the limits on open files and threads (ulimit -n, ulimit -u)"
}
