/// What a server answered.
package struct HTTPAnswer: Sendable {
    package var status: Int
    /// Trimmed, in order.
    package var headers: [(name: String, value: String)]
    /// Empty where it went to a file.
    package var body: [UInt8]
    /// The bytes that went to the file; nil where none was written.
    package var savedBytes: Int?

    package init(
        status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], savedBytes: Int? = nil
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.savedBytes = savedBytes
    }

    package var isSuccess: Bool { (200...299).contains(status) }

    /// The first header of this name, in any case.
    package subscript(name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }
}
