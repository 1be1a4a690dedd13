import Testing

/// What every kernel that has shared memory must stand.
struct KernelCaseTests {
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
        let harmless = kernel.harmless.map { place in
            let lines = Set(sites.filter { $0.word == place.word }.map(\.line)).sorted()
            return (place.word, lines[place.number])
        }
        for site in sites {
            let isCaught = (0..<4).contains { (seed: UInt64) in
                let (run, isRight) = kernel.launch(Trial(seed: seed, plant: site))
                return !run.violations.isEmpty || !isRight
            }
            #expect(isCaught != harmless.contains { $0 == (site.word, site.line) }, "\(site)")
        }
    }

    @Test(arguments: KernelCase.kernels)
    func `a row more than the arrays have is outside every array`(kernel: KernelCase) {
        let violations = kernel.launch(Trial(excess: 1)).run.violations
        #expect(violations.contains { $0.contains("an address outside every array") }, "\(violations)")
    }
}
