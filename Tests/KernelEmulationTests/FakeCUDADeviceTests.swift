import CKernels
import TestTools
import Testing

@Suite(.bounded) struct FakeCUDADeviceTests {
    @Test func `nothing works before cuInit and without a context`() throws {
        let fake = try FakeMachine()
        var (count, context): (Int32, CUcontext?) = (0, nil)
        #expect(unsafe fake.cuda.cuDeviceGetCount(&count) == 3)
        #expect(fake.wait(Handle()) == 3)
        #expect(fake.cuda.cuInit(0) == 0)
        #expect(fake.wait(Handle()) == 201)
        #expect(unsafe fake.cuda.cuDevicePrimaryCtxRetain(&context, 1) == 101)
        #expect(unsafe fake.cuda.cuDevicePrimaryCtxRetain(&context, 0) == 0)
        #expect(fake.cuda.cuDevicePrimaryCtxRelease_v2(0) == 0)
        #expect(unsafe fake.cuda.cuCtxSetCurrent(context) == 201)
        #expect(fake.cuda.cuDevicePrimaryCtxRelease_v2(0) == 201)
        #expect(fake.violations.count == 1)
    }

    @Test func `a machine without a GPU says so`() throws {
        let fake = try FakeMachine { $0.gpus = 0 }
        #expect(fake.cuda.cuInit(0) == 100)
    }

    @Test func `GPUs differ`() throws {
        let fake = try FakeMachine(9, 0) { $0.gpus = 2 }
        fake.setGPU(1, "Small", 8, 6)
        #expect(fake.cuda.cuInit(0) == 0)
        var (value, name): (Int32, [CChar]) = (0, [CChar](repeating: 1, count: 4))
        #expect(unsafe fake.cuda.cuDeviceGetAttribute(&value, Int32(CK_DEVICE_COMPUTE_MAJOR), 1) == 0)
        #expect(value == 8)
        #expect(unsafe fake.cuda.cuDeviceGetAttribute(&value, Int32(CK_DEVICE_COMPUTE_MINOR), 1) == 0)
        #expect(value == 6)
        #expect(unsafe fake.cuda.cuDeviceGetName(&name, 4, 1) == 0)
        #expect(name == [83, 109, 97, 0])
        #expect(unsafe fake.cuda.cuDeviceGetName(&name, 4, 2) == 101)
    }

    @Test func `streams belong to one GPU`() throws {
        let fake = try FakeMachine { $0.gpus = 2 }
        let stream = fake.opened()
        fake.open(1)
        #expect(fake.wait(stream) == 400)
        #expect(fake.violations.count == 1)
    }

    @Test func `errors have names`() throws {
        let fake = try FakeMachine()
        var text: UnsafePointer<CChar>?
        #expect(unsafe fake.cuda.cuGetErrorName(700, &text) == 0)
        #expect(unsafe text.map { unsafe String(cString: $0) } == "CUDA_ERROR_ILLEGAL_ADDRESS")
        #expect(unsafe fake.cuda.cuGetErrorString(2, &text) == 0)
        #expect(unsafe text.map { unsafe String(cString: $0) } == "out of memory")
        #expect(unsafe fake.cuda.cuGetErrorName(12345, &text) == 1)
    }
}
