import Crypto
import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import JobRunner
@testable import JobStore
@testable import fake_service

/// The service and its worker killed anywhere: nothing lost, nothing made twice.
@Suite(.bounded(minutes: 20), .serialized) struct DeathTests {
    private static let steps = 6

    @Test(arguments: FailPoint.allCases)
    func `a death at any fail point loses nothing`(point: FailPoint) throws {
        let folder = try TemporaryFolder()
        let isWorkers = [.midEncode, .midCheckpoint].contains(point)
        var clients = Clients(count: 3, steps: Self.steps, pause: 0.002)
        do {
            let process = try QueueProcess(folder.path, failPoint: point.rawValue)
            clients.submitAll(to: process)
            if isWorkers {
                try clients.waitForAll(process)
                #expect(process.ask("state")?.contains("restarts=1") == true)
                #expect(try process.end() == 0)
            } else {
                #expect(process.waitForExit() == FailPoint.exitStatus)
            }
        }
        if !isWorkers {
            let process = try QueueProcess(folder.path)
            clients.submitAll(to: process)
            try clients.waitForAll(process)
            #expect(try process.end() == 0)
        }
        try clients.expectWhole(folder)
    }

    /// With `WAN_KILLS=50` 250 jobs and 50 deaths; else few, for every run of the tests.
    @Test func `jobs survive whatever is killed, and are made once`() throws {
        let kills = ProcessInfo.processInfo.environment["WAN_KILLS"].flatMap { Int($0) } ?? 8
        let folder = try TemporaryFolder()
        var clients = Clients(count: kills * 5, steps: Self.steps, pause: 0.003)
        var killer = Killer(seed: 2026, kills: kills)
        var process = try QueueProcess(folder.path)
        while killer.left > 0 {
            if !killer.strike(process, &clients) { process = try QueueProcess(folder.path) }
        }
        clients.submitAll(to: process)
        try clients.waitForAll(process)
        #expect(try process.end() == 0)
        let attempts = try clients.expectWhole(folder)
        print(
            "\(clients.count) jobs, \(killer.services) deaths of the service and \(killer.workers) of the worker: "
                + "\(attempts) attempts, none lost, none twice")
        #expect(killer.services + killer.workers == kills)
        #expect(attempts > clients.count)
    }

    @Test func `no worker outlives its service`() throws {
        let folder = try TemporaryFolder()
        let process = try QueueProcess(folder.path)
        #expect(process.ask("submit one 1 4 fake:hang@1")?.hasPrefix("stored") == true)
        // In the midst of work it does not listen to its service.
        #expect(eventually { process.ask("state")?.hasPrefix("state warm") == true })
        let worker = try #require(process.worker)
        process.kill()
        #expect(eventually { !ProcessTable.isAlive(worker) })
    }

    @Test func `a worker has nothing of its service but their connection`() throws {
        // What the service's threads block must not be blocked in the worker.
        var blocked = sigset_t()
        var before = sigset_t()
        unsafe sigemptyset(&blocked)
        unsafe sigaddset(&blocked, SIGUSR2)
        unsafe pthread_sigmask(SIG_BLOCK, &blocked, &before)
        let shop = try Workshop()
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        #expect(shop.wait { $0.worker == .cold }.worker == .cold)
        let worker = try #require(shop.runner.state.workerProcess)
        let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(worker)/fd")
        #expect(files.compactMap { Int($0) }.sorted() == [0, 1, 2, 3])
        let status = try String(contentsOfFile: "/proc/\(worker)/status", encoding: .utf8)
        #expect(status.contains("SigBlk:\t0000000000000000"))
        #expect(getpgid(worker) == worker)
    }

    @Test func `a worker leaves it to its service when to end`() throws {
        let shop = try Workshop()
        let id = try shop.submit(seed: 1, "fake:held")
        _ = try shop.wait(id) { $0.progress?.stage == .denoise }
        let worker = try #require(shop.runner.state.workerProcess)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGPIPE] { kill(worker, number) }
        shop.letPass(.max)
        #expect(try shop.finished(id).attempt == 1)
        #expect(shop.runner.state.restarts == 0)
    }
}
