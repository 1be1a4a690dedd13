import CKernels
import TestTools
import Testing

@Suite(.bounded) struct FakeNVRTCTests {
    @Test func `versions know their architectures`() throws {
        let cases: [((Int32, Int32), String, Bool)] = [
            ((11, 8), "sm_90", true), ((11, 8), "sm_90a", false), ((11, 8), "sm_120", false),
            ((12, 0), "sm_90a", true), ((12, 0), "sm_120", false), ((12, 9), "sm_120", true),
            ((13, 0), "sm_70", false), ((12, 9), "compute_90", false), ((12, 9), "sm_77", false),
        ]
        for (version, architecture, works) in cases {
            let fake = try FakeMachine { $0.nvrtc = version }
            let (_, result, log) = fake.compile(FakeMachine.probeText, for: architecture)
            #expect(result == (works ? 0 : 5))
            #expect(works || log == "nvrtc: error: invalid value for --gpu-architecture (-arch)\n")
            var (major, minor, count): (Int32, Int32, Int32) = (0, 0, 0)
            #expect(unsafe fake.nvrtc.nvrtcVersion(&major, &minor) == 0)
            #expect((major, minor) == version)
            #expect(unsafe fake.nvrtc.nvrtcGetNumSupportedArchs(&count) == 0)
            var architectures = [Int32](repeating: 0, count: Int(count))
            #expect(unsafe fake.nvrtc.nvrtcGetSupportedArchs(&architectures) == 0)
            #expect(architectures.contains(120) == (version >= (12, 8)))
        }
    }

    @Test func `the log is ptxas's`() throws {
        let fake = try FakeMachine()
        let (_, result, log) = fake.compile(FakeMachine.probeText, for: "sm_80")
        #expect(result == 0)
        #expect(
            log.hasPrefix(
                """
                ptxas info    : 0 bytes gmem
                ptxas info    : Compiling entry function 'probe_scale' for 'sm_80'
                ptxas info    : Function properties for probe_scale
                ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
                ptxas info    : Used 128 registers, used 1 barriers, 368 bytes cmem[0]
                ptxas info    : Compile time = 1.000 ms
                ptxas info    : Compiling entry function 'probe_add' for 'sm_80'
                """))
    }

    @Test func `a kernel can spill and serialise`() throws {
        let fake = try FakeMachine()
        fake.open()
        fake.setSpill("probe_add", stack: 40, spill: 32, diagnostic: "(C7510) Potential Performance Loss: wgmma")
        let (image, _, log) = fake.compile(FakeMachine.probeText, for: "sm_89")
        #expect(log.contains("40 bytes stack frame, 32 bytes spill stores, 32 bytes spill loads"))
        #expect(log.contains("(C7510) Potential Performance Loss: wgmma in the function 'probe_add'"))
        let module = fake.load(image).module
        let functions = ["probe_scale", "probe_add"].map { fake.function($0, of: module).function }
        #expect(functions.map { fake.attribute(CK_FUNCTION_LOCAL_BYTES, of: $0) } == [0, 40])
    }

    @Test func `a text can fail to compile`() throws {
        let fake = try FakeMachine(9, 0)
        fake.failCompilation(of: "probe_add", log: "probe(3): error: no")
        #expect(fake.compile("KERNEL(probe_add, A, 1, 1) {}", for: "sm_90").result == 6)
        let (image, result, log) = fake.compile("probe_add", for: "sm_90")
        #expect((image, result, log) == ([], 6, "probe(3): error: no"))
        #expect(fake.compile("KERNEL(probe_scale, A, 1, 1) {}", for: "sm_90").result == 0)
        #expect(fake.compile("asm(\"wgmma.fence\")", for: "sm_90").result == 6, "needs sm_90a")
        #expect(fake.compile("asm(\"wgmma.fence\")", for: "sm_90a").result == 0)
        #expect(fake.leaks == [])
    }
}
