/// What the runner keeps to.
package struct JobRunnerOptions: Sendable {
    /// The words that start a worker; the first is a path.
    package var workerCommand: [String]
    /// "NAME=value" each, beside what the service itself finds in its environment.
    package var workerEnvironment: [String] = []
    /// Who has clips made in the place of a worker; nil where one is started.
    package var router: (any JobRouter)?
    /// Clips that a router has in the making at one time.
    package var routedAtOnce = 32
    package var checkpointEverySteps = 4
    /// Jobs that may wait.
    package var maxQueued = 64
    /// A job is refused where it would have to wait longer than this.
    package var maxQueuedSeconds = 7200.0
    /// Room on the disk that stays free.
    package var reserveBytes = 2 << 30
    /// Before a disk that was full is looked at again.
    package var fullDiskSeconds = 5.0
    package var leaseSeconds = 60.0
    /// A worker that says nothing for this long, and for twice the time the clip should take, hangs.
    package var silenceFloorSeconds = 300.0
    /// How long a worker may take for the step in hand when it is told to stop.
    package var graceSeconds = 10.0
    /// Before the first restart of a worker that died; doubled each time.
    package var restartDelaySeconds = 0.5
    package var maxRestartDelaySeconds = 60.0
    /// So many deaths without a clip between them, and the service is not healthy.
    package var breakerRestarts = 5
    /// Shortest time between two progress records of a job.
    package var progressSeconds = 0.1

    package init(workerCommand: [String]) {
        self.workerCommand = workerCommand
    }
}
