import Foundation

/// Kills the service or its worker at random moments.
struct Killer {
    private(set) var left: Int
    private(set) var services = 0
    private(set) var workers = 0
    private var random: SplitMix
    /// Deaths since a clip was last completed: a job has three attempts, and more bad luck in a row would use them up.
    private var inVain = 0
    private var lastCompleted = 0

    init(seed: UInt64, kills: Int) {
        random = SplitMix(seed: seed)
        left = kills
    }

    /// Lets some jobs come in and kills something; whether the service still runs.
    mutating func strike(_ process: QueueProcess, _ clients: inout Clients) -> Bool {
        let isHasty = random.next() % 4 == 0
        clients.submit(6, to: process, isHasty: isHasty && inVain < 2)
        if isHasty, inVain < 2 {
            usleep(UInt32(random.next() % 5000))
            return killService(process)
        }
        usleep(UInt32(random.next() % 150_000))
        guard let completed = process.counts()?.completed else { return false }
        if completed > lastCompleted { inVain = 0 }
        lastCompleted = completed
        guard inVain < 2 else { return true }
        if random.next() % 2 == 0 { return killService(process) }
        guard let worker = process.worker else { return true }
        kill(worker, SIGKILL)
        workers += 1
        note()
        return true
    }

    private mutating func killService(_ process: QueueProcess) -> Bool {
        process.kill()
        services += 1
        note()
        return false
    }

    private mutating func note() {
        inVain += 1
        left -= 1
    }
}
