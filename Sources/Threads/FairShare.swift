/// How much of what many share one of them may hold.
package enum FairShare {
    /// Whether one who holds `held` may take one more while `free` are left: nobody holds more than three times what is
    /// left for the others, so one alone gets three quarters, and who comes last still finds a place.
    package static func allows(held: Int, free: Int) -> Bool { held == 0 ? free > 0 : held < 3 * free }
}
