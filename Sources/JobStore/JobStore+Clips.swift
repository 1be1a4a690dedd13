import VideoTypes

/// What there is of a finished job's clip.
package enum FoundClip: Sendable, Hashable {
    /// As it was made; whoever takes it closes it.
    case file(OutputFile)
    /// Its time is over, or it made room for others.
    case expired
    /// Gone or another by now, which its job says from now on.
    case lost
}

extension JobStore {
    /// Opens the clip of a completed job.
    package func clip(of job: Job) throws(StoreError) -> FoundClip {
        guard let output = job.output, !isOver(job) else { return .expired }
        if let file = try outputs.openFinished(job.id, output) { return .file(file) }
        return try lose(job) ? .lost : .expired
    }

    /// The job as it is told: one whose file was taken away or changed has failed, one whose time is over has no file.
    package func settled(_ job: Job) throws(StoreError) -> Job {
        guard job.state == .completed, let output = job.output else { return job }
        var job = job
        job.isFileGone = isOver(job)
        guard !job.isFileGone, try !outputs.seemsFinished(job.id, output), trouble == nil else { return job }
        _ = try lose(job)
        return try self.job(job.id) ?? job
    }

    private func isOver(_ job: Job) -> Bool { job.isFileGone || job.expiresAt.map { $0 <= clock.wall() } ?? false }

    static let outputLost = VideoError(.outputLost, "the clip's file is gone or changed", hint: "submit it again")

    /// Notes that a completed job has no clip any more; false where it is deleted or expired by now.
    private func lose(_ job: Job) throws(StoreError) -> Bool {
        // A folder that is not where it was says nothing about its clips.
        if let trouble { throw trouble }
        try outputs.putAway(job.id)
        return try write(isVital: true) { (changes) throws(StoreError) in
            let found = try changes.connection.rows(
                "SELECT 1 FROM job WHERE number = ? AND state = 'completed' AND file_gone = 0", [.integer(job.number)]
            ) { (row: inout Row) throws(StoreError) in try row.integer() }
            guard !found.isEmpty else { return false }
            try changes.fail(job.number, Self.outputLost)
            return true
        }
    }
}
