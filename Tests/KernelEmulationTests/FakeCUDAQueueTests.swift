import KernelEmulation
import TestTools
import Testing

@Suite(.bounded) struct FakeCUDAQueueTests {
    @Test func `pinned memory is read when the copy runs, pageable memory at the call`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let x = fake.allocate(4, stream)
        let slab = try fake.pinned([1, 2, 3, 4])
        #expect(fake.upload(slab, to: x, stream) == 0)
        slab[0] = 9
        #expect(fake.download(4, from: x, stream) == [9, 2, 3, 4])
        var values: [Float] = [5, 6, 7, 8]
        #expect(fake.upload(values, to: x, stream) == 0)
        values[0] = 0
        #expect(fake.download(4, from: x, stream) == [5, 6, 7, 8])
        #expect(fake.violations == [])
    }

    @Test func `run early, a copy has read its memory at the call`() throws {
        let fake = try FakeMachine(schedule: FAKE_SCHEDULE_EARLY)
        let stream = fake.opened()
        let x = fake.allocate(1, stream)
        let slab = try fake.pinned([1])
        #expect(fake.upload(slab, to: x, stream) == 0)
        slab[0] = 9
        #expect(fake.download(1, from: x, stream) == [1])
    }

    @Test func `a result arrives when it is waited for`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let x = fake.allocate(1, stream)
        #expect(fake.upload([7], to: x, stream) == 0)
        let result = try fake.pinned([0])
        #expect(fake.download(result, from: x, stream) == 0)
        #expect(result[0] == 0)
        #expect(fake.pending == 3)
        let event = fake.event()
        #expect(fake.record(event, stream) == 0)
        #expect(fake.wait(event: event) == 0)
        #expect(result[0] == 7)
        #expect(fake.pending == 0)
    }

    /// 1 where the kernel saw the upload on the other stream, 0 where it ran before.
    private func race(seed: UInt64, schedule: Int, ordered: Bool) throws -> Float {
        let fake = try FakeMachine(seed: seed, schedule: schedule)
        let (a, b) = (fake.opened(), fake.stream())
        let function = fake.probe()
        let (x, y) = (fake.allocate(1, a), fake.allocate(1, a))
        #expect(fake.upload([0], to: x, a) == 0)
        fake.order(a, b)
        #expect(fake.upload([1], to: x, b) == 0)
        if ordered { fake.order(b, a) }
        #expect(fake.launch(function, fake_probe_arguments(y, x, 1, factor: 1), a) == 0)
        let result = fake.download(1, from: y, a)
        #expect(fake.wait(b) == 0)
        #expect(fake.violations == [])
        return result[0]
    }

    @Test func `streams overtake each other unless an event orders them`() throws {
        let results = try (1...20).map { try race(seed: $0, schedule: FAKE_SCHEDULE_LATE, ordered: false) }
        #expect(Set(results) == [0, 1])
    }

    @Test(arguments: [FAKE_SCHEDULE_LATE, FAKE_SCHEDULE_MIXED, FAKE_SCHEDULE_EARLY])
    func `an event orders two streams`(schedule: Int) throws {
        for seed in UInt64(1)...20 { #expect(try race(seed: seed, schedule: schedule, ordered: true) == 1) }
    }

    @Test func `the legacy stream and blocking streams wait for each other`() throws {
        for seed in UInt64(1)...10 {
            let fake = try FakeMachine(seed: seed)
            fake.open()
            let (blocking, legacy) = (fake.stream(flags: 0), Handle())
            let x = fake.allocate(1, blocking)
            #expect(fake.upload([1], to: x, blocking) == 0)
            #expect(fake.zero(x, bytes: 4, legacy) == 0)
            #expect(fake.wait(legacy) == 0)
            #expect(fake.download(1, from: x, blocking) == [0])
            #expect(fake.violations == [])
        }
    }

    @Test func `time passes between events`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let (start, end, untimed) = (fake.event(timing: true), fake.event(timing: true), fake.event())
        #expect(fake.elapsed(start, end).result == 400)
        #expect(fake.record(start, stream) == 0)
        #expect(fake.zero(fake.allocate(1 << 20, stream), bytes: 4 << 20, stream) == 0)
        #expect(fake.record(end, stream) == 0)
        #expect(fake.record(untimed, stream) == 0)
        #expect(fake.elapsed(start, end).result == 600)
        #expect(fake.wait(stream) == 0)
        #expect(fake.elapsed(start, end).result == 0)
        #expect(fake.elapsed(start, end).milliseconds > 0)
        #expect(fake.elapsed(start, untimed).result == 400)
    }

    @Test func `handles that are gone are refused`() throws {
        let fake = try FakeMachine()
        let (stream, event) = (fake.opened(), fake.event())
        #expect(fake.destroy(stream: stream) == 0)
        #expect(fake.destroy(event: event) == 0)
        #expect(fake.wait(stream) == 400)
        #expect(fake.wait(event: event) == 400)
        #expect(fake.destroy(event: event) == 400)
        #expect(fake.violations.count == 3)
    }
}
