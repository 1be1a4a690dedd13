/// What a cloud calls an order, and where it is asked about it.
struct CloudTicket: Sendable, Hashable, Codable {
    let id: String
    /// By name: addresses or parts of paths that the cloud gave for this order.
    var places: [String: String] = [:]

    private static let maxBytes = 256

    /// nil for what is no plain word: no cloud makes a path or an address of its id.
    init?(_ id: String?, places: [String: String] = [:]) {
        guard let id, Self.isPlain(id) else { return nil }
        self.id = id
        self.places = places
    }

    static func isPlain(_ text: String) -> Bool {
        (1...maxBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
