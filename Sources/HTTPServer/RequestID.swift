/// A random name for a request: 128 bits.
enum RequestID {
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return "req_" + hex(generator.next()) + hex(generator.next())
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
