/// Why a call failed before an answer came.
package enum HTTPClientError: Error, Sendable, Hashable {
    case libraryMissing(String)
}
