import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Ctrl-C and termination: the first asks the run to stop, the second kills.
enum Interrupt {
    private static let requested = Atomic<Bool>(false)
    private static let isWatched = Atomic<Bool>(false)
    private static let answer: StaticString = "\nstopping after this step; once more kills\n"

    static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// The same as a question.
    static func asked() -> Bool { isRequested }

    static func install() {
        // Touched here because a signal handler must not be the one to initialise them.
        precondition(answer.utf8CodeUnitCount > 0)
        requested.store(false, ordering: .relaxed)
        isWatched.store(isatty(STDERR_FILENO) == 1, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                Interrupt.requested.store(true, ordering: .relaxed)
                if Interrupt.isWatched.load(ordering: .relaxed) {
                    unsafe _ = write(STDERR_FILENO, Interrupt.answer.utf8Start, Interrupt.answer.utf8CodeUnitCount)
                }
                signal(SIGINT, SIG_DFL)
                signal(SIGTERM, SIG_DFL)
            }
        }
        // A parent that blocks signals in the thread that starts us hands its mask down.
        var caught = sigset_t()
        unsafe sigemptyset(&caught)
        for number in [SIGINT, SIGTERM] { unsafe sigaddset(&caught, number) }
        unsafe sigprocmask(SIG_UNBLOCK, &caught, nil)
        // A closed pipe and a file-size limit come back as errors of the write instead.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }
}
