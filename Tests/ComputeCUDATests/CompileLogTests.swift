import TestTools
import Testing

@testable import ComputeCUDA

/// What ptxas writes, copied from NVRTC 11.8, 12.0, 12.9 and 13.
@Suite(.bounded) struct CompileLogTests {
    @Test func `registers are read from every version's report`() {
        let old = CompileLog(
            """
            ptxas info    : 0 bytes gmem
            ptxas info    : Compiling entry function 'local' for 'sm_80'
            ptxas info    : Function properties for local
            ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 39 registers, 384 bytes cmem[0]
            ptxas info    : Compiling entry function 'plain' for 'sm_80'
            ptxas info    : Function properties for plain
            ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 15 registers, 384 bytes cmem[0]
            """)
        let new = CompileLog(
            """
            ptxas info    : 0 bytes gmem
            ptxas info    : Compiling entry function 'local' for 'sm_80'
            ptxas info    : Function properties for local
            ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 39 registers, used 0 barriers, 384 bytes cmem[0]
            ptxas info    : Compile time = 4.595 ms
            ptxas info    : Compiling entry function 'plain' for 'sm_80'
            ptxas info    : Function properties for plain
            ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 15 registers, used 0 barriers, 384 bytes cmem[0]
            """)
        #expect(old.kernels == new.kernels)
        #expect(old.kernels.map(\.name) == ["local", "plain"])
        #expect(old.kernels.map(\.registers) == [39, 15])
        #expect(old.complaint == nil && old.spill == nil)
        #expect(new.complaint == nil && new.spill == nil)
    }

    @Test func `a spill names its kernel`() {
        let log = CompileLog(
            """
            ptxas info    : Compiling entry function 'plain' for 'sm_80'
            ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 15 registers, used 0 barriers, 384 bytes cmem[0]
            ptxas info    : Compiling entry function 'spilling' for 'sm_80'
            ptxas info    : Function properties for spilling
            ptxas         .     272 bytes stack frame, 316 bytes spill stores, 300 bytes spill loads
            ptxas info    : Used 32 registers, used 1 barriers, 272 bytes cumulative stack size, 384 bytes cmem[0]
            """)
        #expect(log.spill == "spilling has 272 bytes of stack and spills 616 bytes")
    }

    @Test func `a stack without spills is local memory too`() {
        let log = CompileLog(
            """
            ptxas info    : Compiling entry function 'indexed' for 'sm_90'
            ptxas         .     128 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            """)
        #expect(log.spill == "indexed has 128 bytes of stack and spills 0 bytes")
    }

    @Test(arguments: [
        """
        (C7515) Potential Performance Loss: wgmma.mma_async instructions are serialized due to non wgmma instructions \
        defining accumulator registers of a wgmma between start and end of the pipeline stage in the function 'late'
        """,
        """
        (C7519) warpgroup.arrive is injected in around line 98 by compiler to allow use of registers in GMMA in \
        function 'late'
        """,
        """
        (C7517) wgmma.wait_group is injected in around line 83 by compiler to allow use of registers defined by GMMA \
        in function 'late'
        """,
        "(C7508) Potential Performance Loss: 'setmaxnreg' ignored to maintain minimum register requirements.",
    ])
    func `products one after the other are a complaint`(line: String) {
        let log = CompileLog(
            """
            ptxas info    : \(line)
            ptxas info    : 0 bytes gmem
            ptxas info    : Compiling entry function 'late' for 'sm_90a'
            ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 90 registers, used 0 barriers
            """)
        #expect(log.complaint == line)
        #expect(log.kernels.map(\.registers) == [90])
    }

    @Test func `an empty log complains of nothing`() {
        #expect(CompileLog("").complaint == nil && CompileLog("").spill == nil)
        #expect(CompileLog("ptxas info : Used many registers\nbytes stack frame").complaint == nil)
    }
}
