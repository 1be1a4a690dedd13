/// Comparison of secrets.
package enum ConstantTime {
    /// Whether both are the same, in a time that depends on their lengths alone.
    @inline(never)
    package static func equal(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        var difference: UInt8 = 0
        for index in one.indices { difference |= one[index] ^ other[index] }
        return difference == 0
    }
}
