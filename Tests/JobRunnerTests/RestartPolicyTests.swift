import TestTools
import Testing

@testable import JobRunner

@Suite(.bounded) struct RestartPolicyTests {
    private var policy: RestartPolicy {
        var options = JobRunnerOptions(workerCommand: [])
        options.restartDelaySeconds = 0.5
        options.maxRestartDelaySeconds = 60
        options.breakerRestarts = 5
        return RestartPolicy(options)
    }

    @Test func `delays double up to their limit, and begin again after a clip`() {
        var policy = policy
        let delays = (0..<100).map { _ in policy.died() }
        #expect(Array(delays.prefix(9)) == [0.5, 1, 2, 4, 8, 16, 32, 60, 60])
        #expect(delays.last == 60)
        policy.worked()
        #expect(policy.died() == 0.5)
    }

    @Test func `five deaths in a row mean that something is wrong`() {
        var policy = policy
        for _ in 0..<4 { _ = policy.died() }
        #expect(policy.isHealthy)
        _ = policy.died()
        #expect(!policy.isHealthy)
        policy.worked()
        #expect(policy.isHealthy)
    }

    @Test func `an engine that opens again has one try`() {
        var policy = policy
        for _ in 0..<7 { _ = policy.died() }
        policy.opened()
        #expect(policy.isHealthy)
        // The eighth death in a row: its delay goes on from the seventh.
        #expect(policy.died() == 60)
        #expect(!policy.isHealthy)
    }
}
