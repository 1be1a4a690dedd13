import CKernels
import KernelEmulation
import TestTools
import Testing

@Suite(.bounded) struct EmulationTests {
    @Test(arguments: KernelCase.probes) func `layouts that avoid bank conflicts have none`(probe: KernelCase) {
        #expect(probe.launch(Trial()).run.counters.bank_conflicts == 0)
    }

    @Test(arguments: [
        (EMULATION_FAULT_OVERRUN, "an address outside every array"),
        (EMULATION_FAULT_NULL, "an address outside every array"),
        (EMULATION_FAULT_MISALIGNED, "a misaligned or null address"),
        (EMULATION_FAULT_OVERFLOW, "an integer overflows"),
        (EMULATION_FAULT_REGISTER_INDEX, "an index is outside its array"),
        (EMULATION_FAULT_RECURSION, "the thread's stack is full"),
        (EMULATION_FAULT_SHARED_OVERRUN, "address outside the block's shared memory"),
        (EMULATION_FAULT_SHARED_MISALIGNED, "misaligned address in shared memory"),
        (EMULATION_FAULT_UNINITIALIZED, "reads shared memory that nobody has written"),
        (EMULATION_FAULT_LANE_RACE, "reads what another lane of the warp wrote, with no barrier between"),
        (EMULATION_FAULT_DIVERGENT_BARRIER, "deadlock"),
        (EMULATION_FAULT_DIVERGENT_LANES, "lanes of one warp diverge"),
        (EMULATION_FAULT_EARLY_EXIT, "a lane of the warp has ended"),
        (EMULATION_FAULT_NAMED_BARRIER_COUNT, ""),
        (EMULATION_FAULT_BARRIER_AT_NOTHING, "there is no barrier at this address"),
        (EMULATION_FAULT_TWO_ARRIVALS, "more arrivals in a phase than the barrier was told"),
        (EMULATION_FAULT_NO_REGISTERS, ""),
        (EMULATION_FAULT_LOCAL_MAP, "a tensor map must lie in the kernel's arguments"),
    ])
    func `what no kernel may do is reported and the process lives`(fault: emulation_fault, report: String) {
        let out = DeviceArray([Float](repeating: 0, count: 64))
        var arguments = emulation_probe_arguments()
        arguments.out = out.address
        (arguments.count, arguments.fault) = (64, Int32(fault.rawValue))
        for seed: UInt64 in 0..<3 {
            let run = EmulatedRun(
                "emulation_probe_fault", threads: 64, shared: 1024 + 64 * 4, arguments,
                Trial(seed: seed))
            #expect(run.violations.contains { report.isEmpty || $0.contains(report) }, "\(run.violations)")
        }
    }

    @Test func `every fault of the list has been tried`() {
        #expect(EMULATION_FAULT_COUNT.rawValue == 19)
    }

    @Test func `a violation names kernel, block, thread, word and line`() throws {
        let out = DeviceArray([Float](repeating: 0, count: 64))
        var arguments = emulation_probe_arguments()
        (arguments.out, arguments.fault) = (out.address, Int32(EMULATION_FAULT_SHARED_OVERRUN.rawValue))
        let run = EmulatedRun("emulation_probe_fault", threads: 64, shared: 1024 + 64 * 4, arguments)
        let report = try #require(run.violations.first)
        #expect(report.hasPrefix("emulation_probe_fault, block (0, 0, 0), thread "))
        #expect(report.contains(": shared_store at probes.cpp:"))
        #expect(report.hasSuffix("64 times"))
    }

    @Test func `a launch that the GPU would refuse is a violation`() {
        let arguments = emulation_probe_arguments()
        for (threads, shared) in [(UInt32(33), 0), (0, 0), (96, 0), (64, 228 << 10)] {
            let run = EmulatedRun("emulation_probe_fault", threads: threads, shared: shared, arguments)
            #expect(run.violations.count == 1)
            #expect(run.counters.threads == 0)
        }
    }

    @Test func `blocks are spread over CPU threads`() {
        let blocks = 500
        let input = DeviceArray((0..<blocks * 128).map { Float($0 % 7) })
        let out = DeviceArray([Float](repeating: 0, count: blocks))
        var arguments = emulation_probe_arguments()
        (arguments.out, arguments.x) = (out.address, input.address)
        let run = EmulatedRun(
            "emulation_probe_sum", grid: (UInt32(blocks), 1, 1), threads: 128,
            shared: Int(EMULATION_PROBE_SUM_SHARED), arguments, cpuThreads: 3)
        #expect(run.violations.isEmpty)
        #expect(run.counters.blocks == UInt64(blocks))
        let x = input.values
        #expect(out.values == (0..<blocks).map { x[$0 * 128..<$0 * 128 + 128].reduce(0, +) })
    }
}
