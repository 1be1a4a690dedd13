import CKernels
import KernelEmulation
import TestTools
import Testing

@Suite(.bounded) struct FakeCUDAMemoryTests {
    @Test func `new memory is full of NaN`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        #expect(fake.download(3, from: fake.allocate(3, stream), stream).allSatisfy { $0.isNaN })
    }

    @Test func `memory ends where the GPU's does, others' share included`() throws {
        let fake = try FakeMachine { $0.memoryBytes = 1 << 20 }
        let stream = fake.opened()
        #expect(fake.allocate(bytes: 2 << 20, stream).result == 2)
        let x = fake.allocate(128 << 10, stream)
        #expect(fake.allocate(bytes: (512 << 10) + 1, stream).result == 2)
        fake.setTaken(256 << 10)
        #expect(fake.memory == (256 << 10, 1 << 20))
        #expect(fake.allocate(bytes: 512 << 10, stream).result == 2)
        #expect(fake.free(x, stream) == 0)
        #expect(fake.allocate(bytes: 768 << 10, stream).result == 0)
        #expect(fake.usedBytes == 768 << 10)
        #expect(fake.peakBytes == 768 << 10)
    }

    @Test func `the pool keeps what it got until it is trimmed or waited for`() throws {
        let fake = try FakeMachine { $0.memoryBytes = 1 << 20 }
        let stream = fake.opened()
        #expect(fake.free(fake.allocate(1024, stream), stream) == 0)
        #expect(fake.memory.free == (1 << 20) - 4096)
        #expect(fake.wait(stream) == 0)
        #expect(fake.memory.free == 1 << 20)
        var pool: CUmemoryPool?
        #expect(unsafe fake.cuda.cuDeviceGetDefaultMemPool(&pool, 0) == 0)
        #expect(fake.free(fake.allocate(1024, stream), stream) == 0)
        #expect(fake.memory.free == (1 << 20) - 4096)
        #expect(unsafe fake.cuda.cuMemPoolTrimTo(pool, 0) == 0)
        #expect(fake.memory.free == 1 << 20)
    }

    @Test func `a GPU without pools says so`() throws {
        let fake = try FakeMachine { $0.memoryPools = false }
        let stream = fake.opened()
        var value: Int32 = 1
        #expect(unsafe fake.cuda.cuDeviceGetAttribute(&value, Int32(CK_DEVICE_MEMORY_POOLS), 0) == 0)
        #expect(value == 0)
        #expect(fake.allocate(bytes: 16, stream).result == 801)
    }

    @Test func `use after free is found at the call`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let x = fake.allocate(4, stream)
        #expect(fake.free(x, stream) == 0)
        #expect(fake.upload([1, 2, 3, 4], to: x, stream) == 0)
        #expect(fake.violations.count == 1)
        #expect(fake.violations[0].contains("after they were freed"))
        #expect(fake.wait(stream) == 700)
        #expect(fake.violations.count == 2)
        #expect(fake.wait(stream) == 700, "the error stays")
    }

    @Test(arguments: 1...5) func `a free that does not wait for another stream is found in every order`(
        seed: UInt64
    ) throws {
        let fake = try FakeMachine(seed: seed)
        let (a, b) = (fake.opened(), fake.stream())
        let (x, y) = (fake.allocate(1, a), fake.allocate(1, a))
        fake.order(a, b)
        #expect(fake.upload([1], to: x, b) == 0)
        #expect(fake.upload([1], to: y, b) == 0)
        #expect(fake.free(x, a) == 0)
        #expect(fake.violations.count == 1)
        #expect(fake.violations[0].contains("may still use"))
        fake.order(b, a)
        #expect(fake.free(y, a) == 0)
        #expect(fake.violations.count == 1)
    }

    @Test func `a kernel's arguments count as uses`() throws {
        let fake = try FakeMachine()
        let (a, b) = (fake.opened(), fake.stream())
        let function = fake.probe()
        let x = fake.allocate(2, a)
        #expect(fake.wait(a) == 0)
        #expect(fake.upload([1, 2], to: x, a) == 0)
        fake.order(a, b)
        #expect(fake.launch(function, fake_probe_arguments(x, x + 4, 1), b) == 0)
        #expect(fake.violations == [])
        #expect(fake.free(x, a) == 0)
        #expect(fake.violations.count == 1)
        #expect(fake.launch(function, fake_probe_arguments(x, x, 1), b) == 0)
        #expect(fake.violations.count == 3, "both pointers lie in freed memory")
    }

    @Test func `waiting on the host orders streams too`() throws {
        let fake = try FakeMachine()
        let (a, b) = (fake.opened(), fake.stream())
        let x = fake.allocate(1, a)
        #expect(fake.wait(a) == 0)
        #expect(fake.upload([1], to: x, b) == 0)
        #expect(fake.wait(b) == 0)
        #expect(fake.free(x, a) == 0)
        #expect(fake.violations == [])
    }

    @Test func `memory of another stream must be waited for`() throws {
        let fake = try FakeMachine()
        let (a, b) = (fake.opened(), fake.stream())
        #expect(fake.upload([1], to: fake.allocate(1, a), b) == 0)
        #expect(fake.violations.count == 1)
        #expect(fake.violations[0].contains("without waiting"))
    }

    @Test func `freeing twice or elsewhere is refused`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let x = fake.allocate(4, stream)
        #expect(fake.free(x + 4, stream) == 1)
        #expect(fake.free(x, stream) == 0)
        #expect(fake.free(x, stream) == 1)
        #expect(fake.violations.count == 2)
        #expect(fake.violations.last?.contains("twice") == true)
    }

    @Test func `copies stay inside their arrays`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let x = fake.allocate(4, stream)
        #expect(fake.upload([1, 2, 3, 4, 5], to: x, stream) == 1)
        #expect(fake.upload([1], to: 4096, stream) == 1)
        #expect(fake.copy(x + 8, to: x, bytes: 12, stream) == 1)
        #expect(fake.zero(x + 15, bytes: 2, stream) == 1)
        #expect(fake.violations.count == 4)
        #expect(fake.copy(x, to: x + 4, bytes: 8, stream) == 0)
        #expect(fake.violations.last?.contains("overlap") == true)
    }

    @Test(arguments: [1 << 20, 1024]) func `a kernel past the end of its array is stopped`(shift: Int64) throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let function = fake.probe()
        let (y, x) = (fake.allocate(4, stream), fake.allocate(4, stream))
        #expect(fake.launch(function, fake_probe_arguments(y, x, 4, shift: shift), stream) == 0)
        #expect(fake.wait(stream) == 700)
        #expect(fake.violations.count == 2)
        #expect(fake.violations[1].contains("bytes past the end of 16 bytes"))
    }

    @Test func `a kernel in freed memory is stopped`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let function = fake.probe()
        let (y, x) = (fake.allocate(4, stream), fake.allocate(4, stream))
        #expect(fake.free(x, stream) == 0)
        #expect(fake.launch(function, fake_probe_arguments(y, y, 4, shift: Int64(x - y) / 4), stream) == 0)
        #expect(fake.violations == [], "the arguments do not tell")
        #expect(fake.wait(stream) == 700)
        #expect(fake.violations.count == 2)
        #expect(fake.violations[1].contains("which was freed"))
    }

    @Test func `a kernel that writes just beside its array is found`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let function = fake.probe()
        let (x, y) = (fake.allocate(8, stream), fake.allocate(5, stream))
        #expect(fake.upload([1, 2, 3, 4, 5, 6, 7, 8], to: x, stream) == 0)
        #expect(fake.launch(function, fake_probe_arguments(y, x, 6), stream) == 0)
        #expect(fake.wait(stream) == 700)
        #expect(fake.violations.count == 1)
        #expect(fake.violations[0].contains("beside"))
    }

    @Test func `pinned memory must outlive its copies`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let slab = try fake.pinned([1])
        #expect(fake.upload(slab, to: fake.allocate(1, stream), stream) == 0)
        #expect(fake.free(pinned: slab) == 0)
        #expect(fake.violations.count == 1)
        #expect(fake.free(pinned: slab) == 1)
        #expect(fake.violations.count == 2)
    }

    @Test func `what is not given back is listed`() throws {
        let fake = try FakeMachine()
        let (stream, event) = (fake.opened(), fake.event())
        let module = fake.load(fake.compile(FakeMachine.probeText, for: "sm_89").image).module
        let (x, slab) = (fake.allocate(3, stream), try fake.pinned([1]))
        #expect(
            Set(fake.leaks) == [
                "GPU 0: 12 bytes of memory", "GPU 0: primary context retained 1 times", "4 bytes of pinned memory",
                "1 streams", "1 events", "1 modules",
            ])
        #expect(fake.free(x, stream) == 0)
        #expect(fake.free(pinned: slab) == 0)
        #expect(fake.destroy(event: event) == 0)
        #expect(fake.unload(module) == 0)
        fake.finish()
        #expect(fake.violations.count == 2)
        #expect(fake.destroy(stream: stream) == 0)
        #expect(fake.cuda.cuDevicePrimaryCtxRelease_v2(0) == 0)
        fake.forgetViolations()
        fake.finish()
        #expect(fake.leaks == [])
        #expect(fake.violations == [])
    }
}
