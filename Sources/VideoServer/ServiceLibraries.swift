import Crypto
import HTTPClient
import HTTPServer
import JobStore
package import VideoTypes

/// What a service needs besides an engine, each opened at run time.
package enum ServiceLibraries {
    /// "libmicrohttpd 0.9.75, SQLite 3.40.1, …"; throws what is missing, all of it.
    package static func versions() throws(VideoError) -> String {
        var versions: [String] = []
        var failures: [VideoError] = []
        do throws(HTTPServerError) {
            versions.append("libmicrohttpd \(try MicroHTTPD.version())")
        } catch {
            failures.append(error.videoError)
        }
        do throws(StoreError) {
            versions.append("SQLite \(try SQLite.version())")
        } catch {
            failures.append(error.videoError)
        }
        do throws(CryptoError) {
            versions.append(try LibCrypto.version())
        } catch {
            failures.append(error.videoError)
        }
        do throws(HTTPClientError) {
            versions.append("libcurl \(try Curl.version())")
        } catch {
            failures.append(error.videoError)
        }
        guard let first = failures.first else { return versions.joined(separator: ", ") }
        throw VideoError(
            first.code, Wording(plain: failures.map(\.message).joined(separator: "; ")),
            remedies: failures.flatMap(\.remedies))
    }
}
