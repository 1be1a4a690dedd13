import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import JobRunner
@testable import JobStore

/// Workers that die, hang or fail, and services that stop.
@Suite(.bounded) struct AccidentTests {
    @Test(arguments: ["fake:crash@5 fake:once", "fake:hang@5 fake:once", "fake:fail=device_lost@5 fake:once"])
    func `an attempt that was cut off goes on from its checkpoint to the same bytes`(words: String) throws {
        // Longer than a worker that is well is ever kept from saying a word on a machine at work.
        let shop = try Workshop { if words.contains("hang") { $0.silenceFloorSeconds = 8 } }
        let id = try shop.submit(seed: 7, steps: 8, words)
        let after = try shop.submit(seed: 8)
        let job = try shop.finished(id)
        #expect(job.state == .completed && job.attempt == 2, "\(shop.told)")
        #expect(try shop.bytes(id) == Workshop.expected(seed: 7, steps: 8, words))
        // Steps 0 to 4, and from the checkpoint of step 4 on again.
        #expect(try shop.steps(id).filter { $0.contains(#""completed": 4"#) }.count == 2)
        #expect(try shop.steps(id).filter { $0.contains(#""completed": 3"#) }.count == 1)
        #expect(try shop.finished(after).state == .completed)
        #expect(shop.runner.state.restarts == 1 && shop.runner.state.isHealthy)
    }

    @Test func `a job that kills every worker fails after three, and others do not suffer`() throws {
        let shop = try Workshop()
        let poison = try shop.submit(seed: 1, "fake:crash@1")
        let good = try shop.submit(seed: 2)
        let job = try shop.finished(poison)
        #expect(job.state == .failed && job.error?.code == .workerCrashed && job.attempt == 3)
        #expect(try shop.finished(good).state == .completed)
        #expect(shop.wait { $0.restarts == 3 && $0.worker == .cold }.restarts == 3)
        #expect(!shop.told.isEmpty)
    }

    /// What the service does about a failure that its worker tells of.
    private enum Answer {
        /// The same settings would fail in the same way again.
        case givesUp
        /// What could not be written may be written by now.
        case writesThreeTimes
        /// The next attempt has a new worker.
        case triesThreeTimes
        /// Attempts that met it do not count.
        case waitsForTheDisk
    }

    private static func answer(to code: VideoError.Code) -> (does: Answer, tells: String) {
        switch code {
        case .deviceLost, .deviceUnavailable: (.triesThreeTimes, "the device failed")
        case .deviceNotFound: (.givesUp, "the device failed")
        case .diskFull: (.waitsForTheDisk, "no room on the disk for this clip")
        case .invalidRequest, .outOfMemory, .notFinite: (.givesUp, "the script says so")
        case .mediaFailed: (.givesUp, "the frames could not be encoded")
        case .outputFailed: (.writesThreeTimes, "the clip could not be written")
        case .weightsInvalid, .modelNotFound: (.givesUp, "the model cannot be used")
        default: (.givesUp, "the engine failed")
        }
    }

    @Test(arguments: VideoError.Code.all.filter { $0 != .cancelled })
    func `every kind of failure has its answer`(code: VideoError.Code) throws {
        let shop = try Workshop { $0.fullDiskSeconds = 0.05 }
        let (does, tells) = Self.answer(to: code)
        let job = try shop.finished(shop.submit(seed: 1, "fake:fail=\(code.name)@2"))
        #expect(job.state == .failed && job.error == VideoError(code, Wording(plain: tells)), "\(shop.told)")
        switch does {
        case .givesUp: #expect(job.attempt == 1 && shop.runner.state.restarts == 0)
        case .waitsForTheDisk:
            #expect(shop.runner.state.restarts == 0)
            #expect(shop.told.components(separatedBy: "disk_full").count == 1 + 3)
        case .writesThreeTimes: #expect(job.attempt == 3 && shop.runner.state.restarts == 0)
        case .triesThreeTimes:
            #expect(job.attempt == 3 && shop.wait { $0.restarts == 3 && $0.worker == .cold }.restarts == 3)
        }
        #expect(try shop.finished(shop.submit(seed: 2)).state == .completed)
    }

    @Test func `an engine that cannot be opened keeps jobs waiting and the service unhealthy`() throws {
        let shop = try Workshop(fake: "fake:closed")
        let id = try shop.submit(seed: 1)
        let state = shop.wait { !$0.isHealthy }
        #expect(!state.isHealthy && state.worker != .warm && state.restarts >= 4)
        #expect(state.problem?.code == .deviceUnavailable)
        let job = try shop.job(id)
        #expect(job.state == .queued && job.attempt == 0)
        guard case .refuse(let refusal) = try shop.runner.admission(FakePlan.plan(seed: 2)) else {
            Issue.record("accepted")
            return
        }
        #expect(refusal.reason == .unhealthy && refusal.retryAfterSeconds > 0)
    }

    @Test func `an engine that can be opened again makes the service healthy without anybody's help`() throws {
        let folder = try TemporaryFolder()
        let script = "test -e \(folder.file("mended")) && exec \(Workshop.program) worker; exit 6"
        let shop = try Workshop { $0.workerCommand = ["/bin/sh", "-c", script] }
        #expect(!shop.wait { !$0.isHealthy }.isHealthy)
        try Data().write(to: URL(fileURLWithPath: folder.file("mended")))
        #expect(shop.wait { $0.isHealthy }.isHealthy)
        #expect(try shop.finished(shop.submit(seed: 1)).state == .completed)
    }

    @Test func `a worker that is no program is a problem, not a crash`() throws {
        let shop = try Workshop { $0.workerCommand = ["/no/such/program"] }
        let state = shop.wait { !$0.isHealthy }
        #expect(!state.isHealthy && state.problem?.message.contains("cannot be started") == true)
    }

    @Test func `a worker that talks nonsense is replaced`() throws {
        let shop = try Workshop { $0.workerCommand = ["/bin/sh", "-c", "echo nonsense >&3; sleep 60"] }
        #expect(!shop.wait { !$0.isHealthy }.isHealthy)
        #expect(shop.wait { $0.restarts >= 4 }.restarts >= 4)
    }

    // MARK: folders that cannot be written

    @Test func `a clip that cannot be stored is stored later, not made again`() throws {
        let shop = try Workshop { $0.fullDiskSeconds = 0.2 }
        let id = try shop.submit(seed: 1, steps: 8, "fake:held")
        // Nothing can be renamed to the name of a folder.
        let place = shop.store.outputs.path(id)
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        shop.letPass(.max)
        let after = try shop.submit(seed: 2)
        #expect(shop.wait { $0.problem?.code == .stateUnusable }.problem?.message.contains("rename") == true)
        #expect(try shop.job(after).attempt == 0)
        try FileManager.default.removeItem(atPath: place)
        let job = try shop.finished(id)
        #expect(job.state == .completed && job.attempt == 1, "\(shop.told)")
        #expect(try shop.bytes(id) == Workshop.expected(seed: 1, steps: 8, "fake:held"))
        #expect(try shop.finished(after).state == .completed)
        #expect(shop.runner.state.problem == nil && shop.runner.state.restarts == 0)
    }

    @Test func `a clip that can never be stored fails under its own name`() throws {
        let shop = try Workshop { $0.fullDiskSeconds = 0.02 }
        let id = try shop.submit(seed: 1, "fake:held")
        try FileManager.default.createDirectory(
            atPath: shop.store.outputs.path(id), withIntermediateDirectories: false)
        shop.letPass(.max)
        let job = try shop.finished(id)
        #expect(job.error == VideoError(.outputFailed, "the clip could not be written") && job.attempt == 1)
        #expect(!shop.told.contains("died"))
        #expect(try shop.finished(shop.submit(seed: 2)).state == .completed)
    }

    @Test func `a failure to write is tried again, and keeps its name`() throws {
        let shop = try Workshop()
        let words = "fake:fail=output_failed@2 fake:once"
        #expect(try shop.finished(shop.submit(seed: 1, words)).state == .completed)
        let job = try shop.finished(shop.submit(seed: 2, "fake:fail=output_failed@2"))
        #expect(job.error == VideoError(.outputFailed, "the clip could not be written") && job.attempt == 3)
    }

    @Test func `a finished clip that waits for the disk outlives its service`() throws {
        let folder = try TemporaryFolder()
        let id: JobID
        do {
            let shop = try Workshop(folder) { $0.fullDiskSeconds = 0.2 }
            id = try shop.submit(seed: 1, "fake:held")
            try FileManager.default.createDirectory(
                atPath: shop.store.outputs.path(id), withIntermediateDirectories: false)
            shop.letPass(.max)
            #expect(shop.wait { $0.problem != nil }.problem != nil)
            shop.runner.drain(seconds: 0)
            shop.runner.join()
            #expect(try shop.job(id).state == .inProgress)
            try FileManager.default.removeItem(atPath: shop.store.outputs.path(id))
        }
        let shop = try Workshop(folder, starts: false)
        let job = try shop.job(id)
        #expect(job.state == .completed && job.attempt == 1)
        #expect(try shop.bytes(id) == Workshop.expected(seed: 1, "fake:held"))
    }

    @Test func `what nobody wants any more is not stored`() throws {
        let shop = try Workshop { $0.fullDiskSeconds = 3600 }
        let id = try shop.submit(seed: 1, "fake:held")
        try FileManager.default.createDirectory(
            atPath: shop.store.outputs.path(id), withIntermediateDirectories: false)
        shop.letPass(.max)
        #expect(shop.wait { $0.problem != nil }.problem != nil)
        _ = try shop.runner.delete(id)
        #expect(shop.wait { $0.running == nil }.running == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: shop.folder.file("parts")).isEmpty)
    }

    // MARK: full disks

    @Test func `a full disk puts the job back without counting the attempt`() throws {
        let shop = try Workshop { $0.fullDiskSeconds = 0.05 }
        let id = try shop.submit(seed: 1, steps: 8, "fake:fail=disk_full@5 fake:once")
        let job = try shop.finished(id)
        #expect(job.state == .completed, "\(shop.told)")
        #expect(try shop.bytes(id) == Workshop.expected(seed: 1, steps: 8, "fake:fail=disk_full@5 fake:once"))
    }

    @Test(.needsSmallDisk)
    func `jobs wait while the disk is full, and files whose time is over make room`() throws {
        let disk = try SmallDisk(kibibytes: 4 << 10)
        let folder = disk.folder
        let shop = try Workshop(folder) { options in
            options.fullDiskSeconds = 0.05
            options.reserveBytes = 1 << 20
        }
        #expect(try shop.finished(shop.submit(seed: 1)).state == .completed)
        let ballast = folder.file("filler")
        let filling = Data(count: try shop.store.outputs.freeBytes() - (600 << 10))
        try filling.write(to: URL(fileURLWithPath: ballast))
        // Past the admission, as if the disk had filled up since.
        guard case .created(let job) = try shop.store.submit(FakePlan.order(seed: 2), owner: nil) else {
            Issue.record("not created")
            return
        }
        shop.runner.wake()
        #expect(shop.wait { $0.problem?.code == .diskFull }.problem?.code == .diskFull)
        #expect(try shop.job(job.id).state == .queued)
        try FileManager.default.removeItem(atPath: ballast)
        #expect(try shop.finished(job.id).state == .completed)
        #expect(shop.runner.state.problem == nil)
    }

    // MARK: the end of the service

    @Test func `a drain lets the running job finish and leaves the others`() throws {
        let shop = try Workshop()
        let first = try shop.submit(seed: 1, steps: 10, "fake:held")
        let second = try shop.submit(seed: 2)
        _ = try shop.wait(first) { $0.progress?.stage == .denoise }
        shop.runner.drain(seconds: 240)
        shop.letPass(.max)
        shop.runner.join()
        #expect(try shop.job(first).state == .completed)
        let left = try shop.job(second)
        #expect(left.state == .queued && left.attempt == 0)
    }

    @Test func `a drain that takes too long hands the job back, and the next service goes on with it`() throws {
        let folder = try TemporaryFolder()
        let words = "fake:held"
        let id: JobID
        do {
            let shop = try Workshop(folder)
            id = try shop.submit(seed: 1, steps: 40, words)
            shop.letPass(5)
            _ = try shop.wait(id) { ($0.progress?.completed ?? 0) >= 5 }
            shop.runner.drain(seconds: 0)
            shop.runner.join()
            #expect(try shop.job(id).state == .queued)
            #expect(FileManager.default.fileExists(atPath: shop.store.outputs.checkpointPath(id)))
        }
        let shop = try Workshop(folder)
        shop.letPass(.max)
        #expect(try shop.finished(id).state == .completed)
        #expect(try shop.bytes(id) == Workshop.expected(seed: 1, steps: 40, words))
        #expect(try shop.steps(id).filter { $0.contains(#""completed": 1,"#) }.count == 1)
        // A clip made in two goes teaches nothing about how long one takes.
        #expect(try shop.store.samples().isEmpty)
    }

    @Test func `three drains do not use up three attempts`() throws {
        let folder = try TemporaryFolder()
        var id: JobID?
        for round in 1...4 {
            let shop = try Workshop(folder)
            let job = try id ?? shop.submit(seed: 1, "fake:held")
            id = job
            let first = try shop.wait(job) { $0.state == .inProgress && $0.progress?.stage == .denoise }
            #expect(first.state == .inProgress, "round \(round)")
            shop.runner.drain(seconds: 0)
            shop.runner.join()
            #expect(try shop.job(job).state == .queued, "round \(round)")
        }
    }

    @Test func `a stop does not wait`() throws {
        let shop = try Workshop()
        let id = try shop.submit(seed: 1, "fake:hang@2")
        _ = try shop.wait(id) { $0.progress?.completed == 1 }
        shop.runner.drain(seconds: 60)
        shop.runner.stop()
        shop.runner.join()
        #expect(try shop.job(id).state == .queued)
    }
}
