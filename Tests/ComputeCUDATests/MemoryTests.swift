import Compute
import ComputeCUDA
import FakeGPU
import KernelEmulation
import TestSupport
import TestTools
import Testing

/// Where the backend's memory comes from, when it is asked for, and that it goes back.
@Suite(.bounded) struct CUDAMemoryTests {
    private static let schedules = [FAKE_SCHEDULE_LATE, FAKE_SCHEDULE_MIXED, FAKE_SCHEDULE_EARLY]

    /// A GPU of a thousand KiB, all of them for tensors.
    private static func small(_ schedule: Int) -> FakeGPU {
        FakeGPU(schedule: schedule) {
            unsafe $0.memory_bytes = 1000 << 10
            unsafe $0.cublaslt = 0
        }
    }

    @Test(arguments: schedules) func `kept memory is given up for a tensor that needs it`(schedule: Int) throws {
        let gpu = Self.small(schedule)
        do {
            let backend = try gpu.backend()
            do {
                let first = try backend.allocate([400 << 10], .u8)
                let second = try backend.allocate([200, 2 << 10], .u8)
                try backend.zero(first)
                try backend.zero(second)
            }
            #expect(backend.pool.keptBytes == 800 << 10)
            gpu.take(150 << 10)
            let free = try #require(backend.memoryBytes)
            #expect(free == 850 << 10)
            let third = try backend.allocate([100 << 10], .u8)
            try backend.zero(third)
            #expect(backend.pool.keptBytes == 0)
            let results = gpu.log.filter { $0.function == "cuMemAllocAsync" }.map(\.result)
            #expect(results == [0, 0, 2, 0])
        }
        #expect(gpu.finish() == [])
    }

    @Test(arguments: schedules) func `a driver without memory pools serves as well`(schedule: Int) throws {
        let gpu = FakeGPU(schedule: schedule) {
            unsafe $0.memory_bytes = 1000 << 10
            unsafe $0.cublaslt = 0
            unsafe $0.memory_pools = 0
        }
        do {
            let backend = try gpu.backend()
            do {
                let first = try backend.allocate([800 << 10], .u8)
                try backend.zero(first)
            }
            let values = try backend.upload([Float](repeating: 3, count: 100 << 10), [100 << 10])
            #expect(try backend.download(values).allSatisfy { $0 == 3 })
            #expect(throws: ComputeError.outOfMemory(requested: 900 << 10, backend: "cuda:0")) {
                _ = try backend.allocate([900 << 10], .u8)
            }
            #expect(gpu.calls("cuMemAllocAsync") == 0 && gpu.calls("cuMemAlloc_v2") > 0)
        }
        #expect(gpu.finish() == [])
        #expect(gpu.usedBytes == 0)
    }

    @Test(arguments: schedules) func `what does not fit is an error, and what fits goes on`(schedule: Int) throws {
        let gpu = Self.small(schedule)
        do {
            let backend = try gpu.backend()
            let held = try backend.upload([1, 2, 3], [3])
            let bytes = 2000 << 10
            #expect(throws: ComputeError.outOfMemory(requested: bytes, backend: "cuda:0")) {
                _ = try backend.allocate([bytes], .u8)
            }
            #expect(throws: ComputeError.outOfMemory(requested: .max, backend: "cuda:0")) {
                _ = try backend.allocate([.max / 2], .f32)
            }
            #expect(try backend.download(held) == [1, 2, 3])
            #expect(backend.pool.currentBytes == 16)
        }
        #expect(gpu.finish() == [])
    }

    @Test(arguments: schedules) func `repeated work asks for no memory`(schedule: Int) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            let gpu = FakeGPU(schedule: schedule, seed: seed)
            do {
                let backend = try gpu.backend()
                let held = backend.pool.currentBytes
                let expected = try Workload().run(on: backend)
                let calls = ["cuMemAllocAsync", "cuMemAllocHost_v2", "cuModuleLoadData", "cuMemFreeAsync"]
                let before = calls.map(gpu.calls)
                for _ in 0..<2 { #expect(try Workload().run(on: backend) == expected) }
                #expect(calls.map(gpu.calls) == before)
                #expect(backend.pool.currentBytes == held)
                #expect(backend.pool.keptBytes <= backend.pool.peakBytes / 8 * 9)
            }
            #expect(gpu.usedBytes == 0)
            #expect(gpu.finish() == [])
        }
    }
}
