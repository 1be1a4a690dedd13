import CKernels

/// Kernel text that is compiled as one.
package struct KernelModule: Sendable, Hashable {
    /// Its name, as "attention".
    package let name: String
    package let text: String
    /// Whether it is for sm_90a only.
    package let needsWarpgroups: Bool
    /// Whether as many blocks are to run at once as the shared memory holds.
    let fillsSharedMemory: Bool

    package init(name: String, text: String, needsWarpgroups: Bool) {
        self.name = name
        self.text = text
        self.needsWarpgroups = needsWarpgroups
        fillsSharedMemory = needsWarpgroups || ["attention", "gemm", "convolution"].contains(name)
    }

    /// Every module of this build, the ones that take longest to compile first.
    package static let all: [KernelModule] = {
        var count = 0
        let texts = unsafe UnsafeBufferPointer(start: ck_cuda_texts(&count), count: count)
        return unsafe texts.map { unsafe KernelModule($0) }
    }()

    private init(_ text: ck_cuda_text) {
        let files = unsafe UnsafeBufferPointer(start: text.files, count: text.file_count)
        // The compiler's messages name the file and the line in it.
        let texts = unsafe files.compactMap { file in
            unsafe file.map {
                unsafe "#line 1 \"\(String(cString: $0.pointee.name))\"\n\(String(cString: $0.pointee.text))"
            }
        }
        unsafe self.init(
            name: String(cString: text.name), text: texts.joined(separator: "\n"),
            needsWarpgroups: text.needs_sm90 != 0)
    }
}
