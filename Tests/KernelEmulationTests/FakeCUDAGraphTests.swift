import CKernels
import KernelEmulation
import TestTools
import Testing

@Suite(.bounded) struct FakeCUDAGraphTests {
    @Test func `a graph repeats what was recorded, with the arguments of then`() throws {
        for seed in UInt64(1)...5 {
            let fake = try FakeMachine(seed: seed)
            let stream = fake.opened()
            let add = fake.probe("probe_add")
            let (x, y) = (fake.allocate(3, stream), fake.allocate(3, stream))
            #expect(fake.upload([1, 2, 3], to: x, stream) == 0)
            #expect(fake.zero(y, bytes: 12, stream) == 0)
            #expect(fake.beginCapture(stream) == 0)
            #expect(fake.launch(add, fake_probe_arguments(y, x, 3, factor: 10), stream) == 0)
            #expect(fake.copy(y, to: x, bytes: 12, stream) == 0)
            let (graph, result) = fake.endCapture(stream)
            #expect(result == 0)
            #expect(fake.runs() == 0, "recorded only")
            let executable = fake.instantiate(graph)
            #expect(fake.destroy(graph: graph) == 0)
            for _ in 0..<2 { #expect(fake.launch(graph: executable, stream) == 0) }
            #expect(fake.destroy(executable: executable) == 0)
            #expect(fake.download(3, from: y, stream) == [110, 220, 330])
            #expect(fake.runs("probe_add") == 2)
            #expect(fake.calls("cuLaunchKernel") == 1)
            #expect(fake.calls("cuGraphLaunch") == 2)
            #expect(fake.violations == [])
        }
    }

    @Test func `branches of a graph run in any order that its events allow`() throws {
        var results: Set<[Float]> = []
        for seed in UInt64(1)...30 {
            let fake = try FakeMachine(seed: seed)
            let (a, b) = (fake.opened(), fake.stream())
            let (add, scale) = (fake.probe("probe_add"), fake.probe())
            let (x, y, z) = (fake.allocate(1, a), fake.allocate(1, a), fake.allocate(1, a))
            for address in [x, y, z] { #expect(fake.upload([1], to: address, a) == 0) }
            #expect(fake.wait(a) == 0)
            #expect(fake.beginCapture(a) == 0)
            fake.order(a, b)
            #expect(fake.launch(add, fake_probe_arguments(y, x, 1), b) == 0)
            #expect(fake.launch(scale, fake_probe_arguments(z, y, 1), a) == 0)
            fake.order(b, a)
            #expect(fake.launch(add, fake_probe_arguments(z, y, 1, factor: 100), a) == 0)
            let (graph, result) = fake.endCapture(a)
            #expect(result == 0)
            #expect(fake.launch(graph: fake.instantiate(graph), b) == 0)
            results.insert(fake.download(1, from: z, b))
            #expect(fake.violations == [])
        }
        #expect(results == [[302], [306]], "the scaling before and after the addition beside it")
    }

    @Test func `waiting and making memory are refused while a graph is recorded`() throws {
        let fake = try FakeMachine()
        let (stream, other) = (fake.opened(), fake.stream())
        let event = fake.event()
        let x = fake.allocate(1, stream)
        let slab = try fake.pinned([1])
        let image = fake.compile(FakeMachine.probeText, for: "sm_89").image
        var (pool, memory): (CUmemoryPool?, UnsafeMutableRawPointer?) = (nil, nil)
        #expect(unsafe fake.cuda.cuDeviceGetDefaultMemPool(&pool, 0) == 0)
        let refused: [() -> Int32] = [
            { fake.wait(stream) }, { fake.wait(other) }, { fake.wait(event: event) },
            { fake.allocate(bytes: 16, stream).result }, { fake.free(x, stream) }, { fake.free(pinned: slab) },
            { fake.load(image).result }, { unsafe fake.cuda.cuMemAllocHost_v2(&memory, 16) },
            { unsafe fake.cuda.cuMemPoolTrimTo(pool, 0) },
        ]
        for (i, call) in refused.enumerated() {
            #expect(fake.beginCapture(stream) == 0)
            #expect(call() == 900, "call \(i)")
            #expect(fake.zero(x, bytes: 4, stream) == 901, "the recording is spoilt")
            #expect(fake.endCapture(stream).result == 901)
            #expect(fake.violations.count == i + 1)
        }
        #expect(fake.wait(stream) == 0)
    }

    @Test func `a graph may allocate where the machine lets it`() throws {
        let fake = try FakeMachine { $0.allocationInCapture = true }
        let stream = fake.opened()
        let y = fake.allocate(1, stream)
        #expect(fake.beginCapture(stream) == 0)
        let x = fake.allocate(1, stream)
        #expect(fake.zero(x, bytes: 4, stream) == 0)
        #expect(fake.copy(x, to: y, bytes: 4, stream) == 0)
        #expect(fake.free(x, stream) == 0)
        let executable = fake.instantiate(fake.endCapture(stream).graph)
        for _ in 0..<2 { #expect(fake.launch(graph: executable, stream) == 0) }
        #expect(fake.download(1, from: y, stream) == [0])
        #expect(fake.violations == [])
    }

    @Test func `copies of pageable memory do not belong into a graph`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let x = fake.allocate(1, stream)
        #expect(fake.beginCapture(stream) == 0)
        #expect(fake.upload([1], to: x, stream) == 0)
        #expect(fake.endCapture(stream).result == 0)
        #expect(fake.violations.count == 1)
        #expect(fake.violations[0].contains("pageable"))
    }

    @Test func `a graph is one piece`() throws {
        let fake = try FakeMachine()
        let (a, b) = (fake.opened(), fake.stream())
        let x = fake.allocate(1, a)
        fake.order(a, b)
        #expect(fake.beginCapture(a) == 0)
        fake.order(a, b)
        #expect(fake.zero(x, bytes: 4, b) == 0)
        #expect(fake.endCapture(a).result == 904, "b's work does not lead back")
        let outside = fake.event()
        #expect(fake.record(outside, b) == 0)
        #expect(fake.beginCapture(a) == 0)
        #expect(fake.wait(a, for: outside) == 905)
        #expect(fake.endCapture(a).result == 901)
        #expect(fake.violations.count == 2)
    }

    @Test func `an event of a recording means nothing outside`() throws {
        let fake = try FakeMachine()
        let (a, b) = (fake.opened(), fake.stream())
        let event = fake.event()
        #expect(fake.beginCapture(a) == 0)
        #expect(fake.record(event, a) == 0)
        #expect(fake.endCapture(a).result == 0)
        #expect(fake.wait(event: event) == 907)
        #expect(fake.wait(b, for: event) == 907)
        #expect(fake.record(event, b) == 0)
        #expect(fake.wait(event: event) == 0)
    }

    @Test func `a replay of freed memory is found`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let x = fake.allocate(1, stream)
        #expect(fake.beginCapture(stream) == 0)
        #expect(fake.zero(x, bytes: 4, stream) == 0)
        let executable = fake.instantiate(fake.endCapture(stream).graph)
        #expect(fake.launch(graph: executable, stream) == 0)
        #expect(fake.free(x, stream) == 0)
        #expect(fake.violations == [])
        #expect(fake.launch(graph: executable, stream) == 0)
        #expect(fake.violations.count == 1)
        #expect(fake.wait(stream) == 700)
    }
}
