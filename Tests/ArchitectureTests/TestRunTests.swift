import Foundation
import TestTools
import Testing

/// What ends a run that would hang.
@Suite(.bounded) struct TestRunTests {
    @Test func `a test that blocks ends the run by its name, and its children with it`() async throws {
        let result = await #expect(
            processExitsWith: .exitCode(1), observing: [\.standardErrorContent, \.standardOutputContent]
        ) {
            let child = Process()
            child.executableURL = URL(fileURLWithPath: "/bin/sleep")
            child.arguments = ["600"]
            try child.run()
            FileHandle.standardOutput.write(Data("child \(child.processIdentifier)\n".utf8))
            _ = await TestRun.shared.begin("the blocked test", .milliseconds(1))
            sleep(600)
        }
        let found = try #require(result)
        #expect(String(decoding: found.standardErrorContent, as: UTF8.self).contains("the blocked test"))
        let said = String(decoding: found.standardOutputContent, as: UTF8.self)
        let child = try #require(said.firstMatch(of: /child (\d+)\n/).flatMap { pid_t($0.1) })
        #expect(eventually { !ProcessTable.isAlive(child) })
    }
}
