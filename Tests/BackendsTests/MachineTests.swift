import TestTools
import Testing

@testable import Backends

@Suite(.bounded) struct MachineTests {
    @Test func `the list of allowed processors is counted`() {
        #expect(Machine.allowedProcessors(inStatus: "Name:\tx\nCpus_allowed_list:\t0-3,8\nMems:\t0\n") == 5)
        #expect(Machine.allowedProcessors(inStatus: "Cpus_allowed_list:\t7\n") == 1)
        #expect(Machine.allowedProcessors(inStatus: "Cpus_allowed_list:\tall\n") == nil)
        #expect(Machine.allowedProcessors(inStatus: "") == nil)
    }

    @Test func `a container's share is rounded up`() {
        #expect(Machine.share(ofQuota: "150000 100000\n") == 2)
        #expect(Machine.share(ofQuota: "50000 100000") == 1)
        #expect(Machine.share(ofQuota: "max 100000\n") == nil)
        #expect(Machine.share(ofQuota: "") == nil)
    }

    @Test func `this machine has at least one processor and some memory`() throws {
        #expect(Machine.processors >= 1)
        let memory = try #require(Machine.memory)
        #expect(memory.available > 0 && memory.available <= memory.total)
    }
}
