import Distributions

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

extension HTTPServerError {
    package var message: String {
        switch self {
        case .libraryMissing(let name, let reason): "cannot open \(name): \(reason)"
        case .notAnAddress(let host): "'\(host)' is not a numeric address"
        case .addressInUse(let host, let port): "port \(port) of \(host) is in use"
        case .addressNotHere(let host): "\(host) is not an address of this machine"
        case .portNotAllowed(let port): "may not listen on port \(port)"
        case .system(let call, let errno): "cannot listen: \(call) failed with error \(errno)"
        case .notStarted: "libmicrohttpd did not start"
        }
    }

    package var hint: String {
        switch self {
        case .libraryMissing(let name, _): Distribution.remedy(for: name)
        case .notAnAddress, .addressNotHere: "give an address such as 127.0.0.1, ::1 or 0.0.0.0"
        case .addressInUse: "stop the other program, or choose another port"
        case .portNotAllowed: "choose a port from 1024 on"
        case .system, .notStarted: "look at the limits on open files and threads (ulimit -n, ulimit -u)"
        }
    }
}
