import CKernels
import KernelEmulation
import Testing

extension FakeMachine {
    static var probeText: String { unsafe String(cString: fake_probe_text()) }

    /// Compiles a text; the image or NVRTC's result, and the log.
    func compile(_ text: String, for architecture: String) -> (image: [CChar], result: Int32, log: String) {
        var program: nvrtcProgram?
        #expect(unsafe nvrtc.nvrtcCreateProgram(&program, text, "probe", 0, nil, nil) == 0)
        let result = unsafe ("--gpu-architecture=" + architecture).withCString { first in
            unsafe "--ptxas-options=-v".withCString { second in
                let options: [UnsafePointer<CChar>?] = unsafe [first, second]
                return unsafe options.withUnsafeBufferPointer {
                    unsafe nvrtc.nvrtcCompileProgram(program, 2, $0.baseAddress)
                }
            }
        }
        var bytes = 0
        #expect(unsafe nvrtc.nvrtcGetProgramLogSize(program, &bytes) == 0)
        var log = [CChar](repeating: 0, count: bytes)
        #expect(unsafe nvrtc.nvrtcGetProgramLog(program, &log) == 0)
        var image: [CChar] = []
        if unsafe nvrtc.nvrtcGetCUBINSize(program, &bytes) == 0 {
            image = [CChar](repeating: 0, count: bytes)
            #expect(unsafe nvrtc.nvrtcGetCUBIN(program, &image) == 0)
        }
        #expect(unsafe nvrtc.nvrtcDestroyProgram(&program) == 0)
        return (image, result, String(decoding: log.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    func load(_ image: [CChar]) -> (module: Handle, result: Int32) {
        var module: CUmodule?
        let result = unsafe cuda.cuModuleLoadData(&module, image)
        return unsafe (Handle(module), result)
    }
    func unload(_ module: Handle) -> Int32 { unsafe cuda.cuModuleUnload(module.pointer) }

    func function(_ name: String, of module: Handle) -> (function: Handle, result: Int32) {
        var function: CUfunction?
        let result = unsafe cuda.cuModuleGetFunction(&function, module.pointer, name)
        return unsafe (Handle(function), result)
    }

    /// A function of the probes, compiled for sm_89 unless said otherwise.
    func probe(_ name: String = "probe_scale", _ architecture: String = "sm_89") -> Handle {
        let (module, loaded) = load(compile(Self.probeText, for: architecture).image)
        #expect(loaded == 0)
        let (function, found) = function(name, of: module)
        #expect(found == 0)
        return function
    }

    func attribute(_ attribute: Int, of function: Handle) -> Int32 {
        var value: Int32 = -1
        #expect(unsafe cuda.cuFuncGetAttribute(&value, Int32(attribute), function.pointer) == 0)
        return value
    }
    func set(sharedBytes: Int32, of function: Handle) -> Int32 {
        unsafe cuda.cuFuncSetAttribute(function.pointer, Int32(CK_FUNCTION_MAX_DYNAMIC_SHARED_BYTES), sharedBytes)
    }

    func launch(
        _ function: Handle, _ arguments: fake_probe_arguments, grid: (UInt32, UInt32, UInt32) = (2, 1, 1),
        threads: (UInt32, UInt32) = (64, 1), shared: UInt32 = 0, _ stream: Handle
    ) -> Int32 {
        var arguments = arguments
        return unsafe withUnsafeMutablePointer(to: &arguments) {
            var list: [UnsafeMutableRawPointer?] = unsafe [UnsafeMutableRawPointer($0)]
            return unsafe cuda.cuLaunchKernel(
                function.pointer, grid.0, grid.1, grid.2, threads.0, threads.1, 1, shared, stream.pointer, &list, nil)
        }
    }
}

extension fake_probe_arguments {
    init(_ out: ck_address, _ x: ck_address, _ count: Int, factor: Float = 2, shift: Int64 = 0) {
        self.init(out: out, x: x, factor: factor, count: Int32(count), shift: shift)
    }
}
