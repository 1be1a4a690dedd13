package import Testing

/// Few tests run at a time, each for so long at most, and one that does not end ends the run.
///
/// Swift Testing's own limit waits for the test that it has cancelled: one that blocks its thread would hang for ever,
/// and two of them on two cores would keep even the limit from being noticed.
package final class Bounded: SuiteTrait, TestTrait, TestScoping {
    package let isRecursive = true
    static let usual = Duration.seconds(600)
    private let limit: Duration

    fileprivate init(_ limit: Duration) { self.limit = limit }

    package func prepare(for test: Test) async throws {
        guard !test.isSuite else { return }
        for case let condition as ConditionTrait in test.traits {
            let isMet = (try? await condition.evaluate()) ?? true
            if isMet { continue }
            TestRun.shared.skipped(test, because: condition.comments.map(\.rawValue).joined(separator: ", "))
            return
        }
    }

    package func scopeProvider(for test: Test, testCase: Test.Case?) -> Bounded? {
        // A test's own limit stands behind its suite's, and counts.
        let innermost = test.traits.last { $0 is Bounded } as? Bounded
        return testCase != nil && innermost === self ? self : nil
    }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let turn = await TestRun.shared.begin(TestRun.name(test), limit)
        defer { TestRun.shared.end(turn) }
        try await withTaskExecutorPreference(TestRun.threads) { try await function() }
    }
}

extension Trait where Self == Bounded {
    /// What every suite says of itself; a test that computes long gives it more minutes.
    package static var bounded: Bounded { Bounded(Bounded.usual) }

    package static func bounded(minutes: Int) -> Bounded { Bounded(.seconds(60 * minutes)) }
}

extension Trait where Self == ConditionTrait {
    /// Programs that a test starts.
    package static func needs(_ programs: String...) -> Self {
        .needs("\(programs.joined(separator: " and "))") { programs.allSatisfy { Subprocess.find($0) != nil } }
    }

    /// What a test cannot do without: where it is missing the test is skipped by name, and with CI=true it runs and
    /// fails.
    package static func needs(_ what: String, isHere: @escaping @Sendable () -> Bool) -> Self {
        .enabled("needs \(what)") { TestRun.needsAll || isHere() }
    }
}
