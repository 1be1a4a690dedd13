import Files
import Glibc

/// Wakes those who wait for something new in the journal.
// Safe: the fields are used only under the lock, which like the condition never moves.
@safe final class EventBell: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var rings = 0
    private var last: Int
    private var isMuted = false

    /// - Parameter last: number of the newest event.
    init(last: Int) {
        self.last = last
        unsafe lock = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe _ = pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        unsafe _ = pthread_condattr_init(&attributes)
        unsafe _ = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe _ = pthread_cond_init(condition, &attributes)
        unsafe _ = pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe _ = pthread_cond_destroy(condition)
        unsafe _ = pthread_mutex_destroy(lock)
        unsafe condition.deallocate()
        unsafe lock.deallocate()
    }

    /// What a waiter must have seen before it looks into the journal.
    var state: (rings: Int, last: Int, isMuted: Bool) { locked { (rings, last, isMuted) } }

    /// Something changed; `newest` is the number of the newest event, nil if there is no new one.
    func ring(_ newest: Int?) {
        locked {
            rings &+= 1
            last = max(last, newest ?? 0)
            unsafe _ = pthread_cond_broadcast(condition)
        }
    }

    /// From now on nobody waits.
    func mute() {
        locked {
            isMuted = true
            unsafe _ = pthread_cond_broadcast(condition)
        }
    }

    /// Waits until the bell has rung more often than `rings`, is muted, or the time is there.
    ///
    /// - Parameter deadline: in seconds of the monotonic clock.
    func wait(rings seen: Int, until deadline: Double) {
        var time = timespec(tv_sec: Int(deadline), tv_nsec: Int((deadline - deadline.rounded(.down)) * 1e9))
        locked {
            while rings == seen, !isMuted {
                if unsafe pthread_cond_timedwait(condition, lock, &time) == ETIMEDOUT { return }
            }
        }
    }

    /// Seconds of the monotonic clock, and some more; a wait of years is for ever.
    static func deadline(in seconds: Double) -> Double {
        // NaN and less than nothing come to nothing.
        SystemClock.monotonic() + (seconds > 0 ? min(seconds, 1e8) : 0)
    }

    private func locked<T>(_ body: () -> T) -> T {
        unsafe _ = pthread_mutex_lock(lock)
        defer { unsafe _ = pthread_mutex_unlock(lock) }
        return body()
    }
}
