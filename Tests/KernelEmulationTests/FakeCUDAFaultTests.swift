import CKernels
import KernelEmulation
import TestTools
import Testing

@Suite(.bounded) struct FakeCUDAFaultTests {
    @Test func `the nth call fails and does nothing`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        fake.fail("cuMemAllocAsync", nth: 2, error: 2)
        #expect(fake.allocate(bytes: 16, stream).result == 0)
        #expect(fake.allocate(bytes: 16, stream) == (0, 2))
        #expect(fake.allocate(bytes: 16, stream).result == 0)
        #expect(fake.calls("cuMemAllocAsync") == 3)
        #expect(fake.log.suffix(3).map(\.result) == [0, 2, 0])
        #expect(fake.log.map(\.function).prefix(2) == ["cuInit", "cuDevicePrimaryCtxRetain"])
        #expect(fake.usedBytes == 1024)
        #expect(fake.violations == [])
    }

    @Test func `every function of every library can fail`() throws {
        let fake = try FakeMachine()
        let context = fake.opened()
        for index in 0..<fake_cuda_function_count() {
            let name = unsafe String(cString: fake_cuda_function_name(index))
            fake.fail(name, error: 77)
        }
        #expect(fake.cuda.cuInit(0) == 77)
        #expect(fake.wait(context) == 77)
        var number: Int32 = 0
        #expect(unsafe fake.nvrtc.nvrtcGetNumSupportedArchs(&number) == 77)
        #expect(unsafe fake.blas.cublasLtDestroy(nil) == 77)
        fake.fail("cuNothing", error: 1)
        #expect(fake.violations.count == 1)
    }

    @Test func `a sticky error stays, and releases still release`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let (x, event, slab) = (fake.allocate(1, stream), fake.event(), try fake.pinned([0]))
        #expect(fake.upload([1], to: x, stream) == 0)
        #expect(fake.download(slab, from: x, stream) == 0)
        fake.fail("cuMemsetD8Async", error: 700, sticky: true)
        #expect(fake.zero(x, bytes: 4, stream) == 700)
        #expect(fake.wait(stream) == 700)
        #expect(slab[0] == 0, "what was queued never runs")
        #expect(fake.allocate(bytes: 16, stream).result == 700)
        #expect(fake.record(event, stream) == 700)
        #expect(fake.free(x, stream) == 700)
        #expect(fake.free(pinned: slab) == 700)
        #expect(fake.destroy(event: event) == 700)
        #expect(fake.destroy(stream: stream) == 700)
        #expect(fake.cuda.cuDevicePrimaryCtxRelease_v2(0) == 700)
        #expect(fake.leaks == [])
        #expect(fake.violations == [])
        var count: Int32 = 0
        #expect(unsafe fake.cuda.cuDeviceGetCount(&count) == 0)
    }

    @Test func `a kernel's death is seen by who waits`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let function = fake.probe()
        let x = fake.allocate(4, stream)
        fake.failKernel(nth: 2, error: 719)
        for _ in 0..<3 { #expect(fake.launch(function, fake_probe_arguments(x, x, 4), stream) == 0) }
        #expect(fake.wait(stream) == 719)
        #expect(fake.runs() == 1)
        #expect(fake.launch(function, fake_probe_arguments(x, x, 4), stream) == 719)
        #expect(fake.violations == [])
    }

    @Test func `a GPU that is lost takes its work with it, the others go on`() throws {
        let fake = try FakeMachine { $0.gpus = 2 }
        let first = fake.opened()
        let x = fake.allocate(1, first)
        fake.loseGPU(afterCalls: 1, error: 999)
        #expect(fake.upload([1], to: x, first) == 0)
        #expect(fake.wait(first) == 999)
        #expect(fake.upload([1], to: x, first) == 999)
        fake.open(1)
        let second = fake.stream()
        #expect(fake.download(1, from: fake.allocate(1, second), second)[0].isNaN)
        #expect(fake.violations == [])
    }

    @Test func `libraries and symbols can be missing`() throws {
        #expect(try FakeMachine().missing == [nil, nil, nil])
        #expect(try FakeMachine { $0.nvrtc = (0, 0) }.missing == [nil, "nvrtcVersion", nil])
        #expect(try FakeMachine { $0.cublaslt = false }.missing == [nil, nil, "cublasLtCreate"])
        #expect(try FakeMachine(hiding: "cuGraphLaunch").missing[0] == "cuGraphLaunch")
        let old = try FakeMachine { $0.driverVersion = 11080 }
        #expect(old.missing[0] == nil)
        let encode = unsafe old.cuda.cuTensorMapEncodeTiled
        #expect(unsafe encode == nil)
    }

    @Test func `machines do not know each other`() throws {
        let machines = try (0..<20).map { _ in try FakeMachine() }
        for machine in machines.dropFirst() { machine.open() }
        #expect(machines[0].calls("cuInit") == 0)
        #expect(machines.dropFirst().allSatisfy { $0.calls("cuInit") == 1 })
        machines[3].fail("cuStreamCreate", error: 2)
        _ = machines[4].stream()
    }
}
