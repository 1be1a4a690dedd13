/// What asynchronous work gives, waited for by a thread that may block.
package enum AwaitedValue {
    private static let turnSeconds = 0.05

    /// - Parameter isUnwanted: asked many times a second whether the work is to be cancelled; its end is waited for.
    package static func of<Value: Sendable>(
        isUnwanted: () -> Bool = { false }, _ work: @escaping @Sendable () async -> Value
    ) -> Value {
        let monitor = Monitor<Value?>(nil)
        let task = Task {
            let value = await work()
            monitor.change { $0 = value }
        }
        while true {
            monitor.wait(seconds: turnSeconds) { $0 != nil }
            if let value = monitor.change({ $0 }) { return value }
            if isUnwanted() { task.cancel() }
        }
    }
}
