import CKernels
import TestTools
import Testing

/// What every kernel that has shared memory must stand.
@Suite(.bounded(minutes: 20)) struct KernelCaseTests {
    @Test(arguments: KernelCase.all)
    func `a kernel runs without a violation, in any order of warps`(kernel: KernelCase) {
        for seed: UInt64 in 0..<4 {
            let (run, isRight) = kernel.launch(Trial(seed: seed))
            #expect(run.violations.isEmpty)
            #expect(isRight, "seed \(seed)")
        }
    }

    @Test(arguments: KernelCase.all)
    func `no synchronising word can be spoilt unnoticed`(kernel: KernelCase) {
        let sites = kernel.launch(Trial(listsSites: true)).run.sites
        #expect(!sites.isEmpty)
        for site in sites {
            let isReported = (0..<4).contains { (seed: UInt64) in
                let (run, isRight) = kernel.launch(Trial(seed: seed, plant: site))
                return !run.violations.isEmpty || site.changesOperand && !isRight
            }
            #expect(isReported, "\(site)")
        }
    }

    @Test func `every synchronising word in the text of the kernels is tried`() {
        let sites = KernelCase.all.flatMap { $0.launch(Trial(listsSites: true)).run.sites }
        let words = Set(sites.map(\.word))
        let tried = Set(sites.map { "\($0.word) in \($0.file):\($0.line)" })
        #expect(words.count > 15)
        for (file, text) in kernelTexts() {
            for (i, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let code = line.prefix(upTo: line.firstRange(of: "//")?.lowerBound ?? line.endIndex)
                for call in code.matches(of: /(\w+)(<[^;()]*>)?\(/) where words.contains(String(call.1)) {
                    let isTried = tried.contains("\(call.1) in \(file):\(i + 1)")
                    #expect(isTried, "\(call.1) in \(file):\(i + 1)")
                }
            }
        }
    }

    /// The files that use words, by name; not those that say what they are on a GPU.
    private func kernelTexts() -> [String: String] {
        var count = 0
        let modules = unsafe UnsafeBufferPointer(start: ck_cuda_texts(&count), count: count)
        let files = unsafe modules.flatMap { module in
            unsafe UnsafeBufferPointer(start: module.files, count: module.file_count).compactMap { file in
                unsafe file.map { unsafe (String(cString: $0.pointee.name), String(cString: $0.pointee.text)) }
            }
        }
        let definitions = ["ck_cuda_arguments.h", "device.cuh", "device_sm90.cuh", "wgmma.cuh"]
        return Dictionary(files, uniquingKeysWith: { first, _ in first }).filter { !definitions.contains($0.key) }
    }

    @Test(arguments: KernelCase.kernels)
    func `a row more than the arrays have is outside every array`(kernel: KernelCase) {
        let violations = kernel.launch(Trial(excess: 1)).run.violations
        #expect(violations.contains { $0.contains("an address outside every array") }, "\(violations)")
    }
}
