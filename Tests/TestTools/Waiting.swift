import Foundation

/// Asks again and again whether something has come about, for minutes if need be; whether it has.
///
/// Ask for `>=`: what passes may have passed between two looks.
package func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    var patience = Patience()
    while !patience.isOver {
        if try condition() { return true }
        usleep(patience.nextPause)
    }
    return try condition()
}

/// The same without holding a thread.
package func becomesTrue(_ condition: @Sendable () async throws -> Bool) async throws -> Bool {
    var patience = Patience()
    while !patience.isOver {
        if try await condition() { return true }
        try await Task.sleep(for: .microseconds(Int(patience.nextPause)))
    }
    return try await condition()
}

/// Waits until a count has come to its end, however long that takes, as long as it grows; whether it has.
package func grows(to end: Int, _ count: () throws -> Int) rethrows -> Bool {
    var last = try count()
    while last < end {
        let before = last
        let isMore = try eventually {
            last = try count()
            return last > before
        }
        guard isMore else { return false }
    }
    return true
}

/// How often something is looked at, and when to give it up.
struct Patience {
    /// Nothing is as slow as this where it comes at all, be the machine ten times slower and at other work.
    static let seconds = 240.0
    private let end = ContinuousClock.now + .seconds(seconds)
    private var pause: UInt32 = 1000

    var isOver: Bool { ContinuousClock.now >= end }

    /// In microseconds: ever longer, for looking takes time from what is waited for.
    var nextPause: UInt32 {
        mutating get {
            defer { pause = min(pause * 3 / 2, 30_000) }
            return pause
        }
    }
}
