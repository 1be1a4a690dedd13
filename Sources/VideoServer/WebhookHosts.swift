import HTTPClient
import Threads

/// Looks at the hosts that webhooks may go to before anything is ordered.
enum WebhookHosts {
    /// What stands in a host's way.
    struct Finding: Sendable, Hashable {
        let host: String
        let reason: String
        /// Whether it is the host's own fault, not that of the moment.
        let isLasting: Bool
    }

    /// A resolver that is slow is not waited for.
    private static let seconds = 2.0

    static func findings(_ policy: DestinationPolicy) -> [Finding] {
        let hosts = policy.hosts.union(policy.privateHosts).sorted()
        let answers = Monitor([String: Finding?]())
        for host in hosts {
            let thread = OwnThread {
                let finding = finding(host, policy)
                answers.change { $0[host] = finding }
            }
            thread?.detach()
        }
        answers.wait(seconds: seconds) { $0.count == hosts.count }
        let found = answers.change { $0 }
        return hosts.compactMap { host in
            guard let answer = found[host] else {
                return Finding(host: host, reason: "its name is not resolved in time", isLasting: false)
            }
            return answer
        }
    }

    private static func finding(_ host: String, _ policy: DestinationPolicy) -> Finding? {
        do throws(HTTPClientError) {
            _ = try policy.check("https://\(host)/")
            return nil
        } catch .forbiddenDestination(let reason) {
            return Finding(host: host, reason: reason, isLasting: true)
        } catch {
            return Finding(host: host, reason: error.message, isLasting: false)
        }
    }
}
