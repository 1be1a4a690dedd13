import CKernels
import KernelEmulation
import TestTools
import Testing

@Suite(.bounded) struct FakeCUDALaunchTests {
    @Test func `a kernel computes, with the arguments of the call`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let (scale, add) = (fake.probe(), fake.probe("probe_add"))
        let count = 1000
        let (x, y) = (fake.allocate(count, stream), fake.allocate(count, stream))
        #expect(fake.upload((0..<count).map(Float.init), to: x, stream) == 0)
        #expect(fake.launch(scale, fake_probe_arguments(y, x, count), stream) == 0)
        #expect(fake.launch(add, fake_probe_arguments(y, x, count - 1, factor: 1, shift: 1), stream) == 0)
        let result = fake.download(count, from: y, stream)
        #expect(result == (0..<count).map { Float($0 < count - 1 ? 3 * $0 + 1 : 2 * $0) })
        #expect(fake.runs() == 2)
        #expect(fake.violations == [])
    }

    @Test func `a launch beyond the limits is refused`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let function = fake.probe()
        let arguments = fake_probe_arguments(0, 0, 0)
        let shapes: [(grid: (UInt32, UInt32, UInt32), threads: (UInt32, UInt32), shared: UInt32)] = [
            ((0, 1, 1), (64, 1), 0), ((1, 65536, 1), (64, 1), 0), ((1, 1, 65536), (64, 1), 0),
            ((1, 1, 1), (0, 1), 0), ((1, 1, 1), (96, 1), 0), ((1, 1, 1), (2048, 1), 0), ((1, 1, 1), (32, 2), 0),
            ((1, 1, 1), (64, 1), (48 << 10) + 1),
        ]
        for (i, shape) in shapes.enumerated() {
            let result = fake.launch(
                function, arguments, grid: shape.grid, threads: shape.threads, shared: shape.shared, stream)
            #expect(result == 1, "shape \(i)")
            #expect(fake.violations.count == i + 1)
        }
        #expect(fake.pending == 0)
    }

    @Test(arguments: [(8, 0, 163), (8, 6, 99), (8, 9, 99), (9, 0, 227), (12, 0, 99)])
    func `shared memory is what the function asked for, up to the GPU's`(
        major: Int32, minor: Int32, kilobytes: Int32
    ) throws {
        let fake = try FakeMachine(major, minor)
        let stream = fake.opened()
        let function = fake.probe("probe_scale", "sm_\(major)\(minor)")
        #expect(fake.set(sharedBytes: kilobytes << 10 + 1, of: function) == 1)
        #expect(fake.set(sharedBytes: kilobytes << 10, of: function) == 0)
        #expect(fake.attribute(CK_FUNCTION_MAX_DYNAMIC_SHARED_BYTES, of: function) == kilobytes << 10)
        var optin: Int32 = 0
        #expect(unsafe fake.cuda.cuDeviceGetAttribute(&optin, Int32(CK_DEVICE_SHARED_BYTES_OPTIN), 0) == 0)
        #expect(optin == kilobytes << 10)
        let arguments = fake_probe_arguments(0, 0, 0)
        #expect(fake.launch(function, arguments, shared: UInt32(kilobytes) << 10, stream) == 0)
        #expect(fake.wait(stream) == 0)
        #expect(fake.violations.count == 1)
    }

    @Test func `an image runs where the architecture says`() throws {
        let cases: [(Int32, Int32, String, Int32)] = [
            (8, 9, "sm_89", 0), (8, 9, "sm_80", 0), (8, 0, "sm_89", 209), (9, 0, "sm_80", 209), (9, 0, "sm_90", 0),
            (9, 0, "sm_90a", 0), (12, 0, "sm_90a", 209), (12, 0, "sm_120", 0),
        ]
        for (major, minor, architecture, expected) in cases {
            let fake = try FakeMachine(major, minor)
            fake.open()
            #expect(fake.load(fake.compile(FakeMachine.probeText, for: architecture).image).result == expected)
        }
    }

    @Test func `a damaged image, or one too new for the driver, is refused`() throws {
        let fake = try FakeMachine { $0.nvrtc = (13, 0) }
        fake.open()
        let image = fake.compile(FakeMachine.probeText, for: "sm_89").image
        #expect(fake.load(image).result == 200)
        let sound = try FakeMachine()
        sound.open()
        var good = sound.compile(FakeMachine.probeText, for: "sm_89").image
        #expect(sound.load(good).result == 0)
        for place in stride(from: 0, to: good.count, by: 7) {
            good[place] ^= 1
            #expect(sound.load(good).result == 200, "byte \(place)")
            good[place] ^= 1
        }
        #expect(sound.compile(FakeMachine.probeText, for: "sm_89").image == good, "the same text, the same image")
    }

    @Test func `a module has the kernels of its text, no others`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let text =
            "#define KERNEL(name, A, t, b) x\n// KERNEL(no, A, 1, 1)\nKERNEL(probe_scale, A, 64, 1) {}"
            + "\nKERNEL(nowhere, A, 64, 1) {}"
        let module = fake.load(fake.compile(text, for: "sm_89").image).module
        #expect(fake.function("probe_scale", of: module).result == 0)
        for name in ["probe_add", "name", "no"] { #expect(fake.function(name, of: module).result == 500) }
        let (nowhere, result) = fake.function("nowhere", of: module)
        #expect(result == 0)
        #expect(fake.launch(nowhere, fake_probe_arguments(0, 0, 0), stream) == 500, "not in the emulator")
        #expect(fake.violations.count == 1)
    }

    @Test func `a kernel needs its module until it has run`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let module = fake.load(fake.compile(FakeMachine.probeText, for: "sm_89").image).module
        let function = fake.function("probe_scale", of: module).function
        #expect(fake.launch(function, fake_probe_arguments(0, 0, 0), stream) == 0)
        #expect(fake.unload(module) == 0)
        #expect(fake.launch(function, fake_probe_arguments(0, 0, 0), stream) == 400)
        #expect(fake.wait(stream) == 700)
        #expect(fake.violations.count == 2)
    }

    /// A map as the driver writes it, or its result.
    private func encode(_ layout: ck_tensor_layout, on fake: FakeMachine) -> Int32 {
        var (layout, map) = (layout, ck_tensor_map())
        return unsafe withUnsafePointer(to: &fake.cuda) { unsafe ck_tensor_map_encode($0, &layout, &map) }
    }

    @Test func `a tensor map says what the engine can do`() throws {
        let fake = try FakeMachine(9, 0)
        let stream = fake.opened()
        var good = ck_tensor_layout()
        good.base = fake.allocate(4096, stream)
        good.dtype = Int32(CK_TENSOR_MAP_BF16)
        good.swizzle = Int32(CK_TENSOR_MAP_SWIZZLE_128B)
        good.rank = 2
        good.extents = (72, 40, 0, 0, 0)
        good.strides = (160, 0, 0, 0)
        good.box = (64, 256, 0, 0, 0)
        #expect(encode(good, on: fake) == 0)
        let spoilt: [(inout ck_tensor_layout) -> Void] = [
            { $0.base += 8 }, { $0.strides.0 = 168 }, { $0.strides.0 = 128 }, { $0.extents.1 = 0 },
            { $0.box.0 = 72 }, { $0.box.0 = 4 }, { $0.box.1 = 257 }, { $0.box.1 = 0 }, { $0.rank = 6 },
            { $0.swizzle = Int32(CK_TENSOR_MAP_SWIZZLE_64B) }, { $0.dtype = Int32(CK_TENSOR_MAP_F32) },
            { $0.extents.0 = 1 << 33 }, { $0.strides.0 = 1 << 40 },
        ]
        for (i, spoil) in spoilt.enumerated() {
            var bad = good
            spoil(&bad)
            #expect(encode(bad, on: fake) == 1, "layout \(i)")
            #expect(fake.violations.count == i + 1)
        }
        good.dtype = Int32(CK_TENSOR_MAP_F32)
        good.box.0 = 32
        good.strides.0 = 288
        #expect(encode(good, on: fake) == 0)
    }
}
