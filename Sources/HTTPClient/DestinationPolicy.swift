/// Which addresses that a stranger names may be called.
package struct DestinationPolicy: Sendable {
    /// Names in lower case, with a port where it is not the standard one: "hooks.example.org", "10.0.0.8:8443".
    package var hosts: Set<String>
    /// What the host may turn out to be; multicast, translated and metadata addresses are refused even if named here.
    package var kinds: Set<IPAddress.Kind> = [.global]
    /// http to loopback, where `kinds` has it.
    package var allowsPlainLoopback = false
    /// Further names, which may be on one's own network or this machine, and be called by http there.
    package var privateHosts: Set<String> = []
    package var resolver: @Sendable (_ host: String, _ port: UInt16) throws(HTTPClientError) -> [IPAddress]

    package init(
        hosts: Set<String>,
        resolver: @escaping @Sendable (_ host: String, _ port: UInt16) throws(HTTPClientError) -> [IPAddress] =
            NameResolver.addresses
    ) {
        self.hosts = hosts
        self.resolver = resolver
    }

    /// What can be said without asking the network; for the request that names the address.
    package func admit(_ text: String) throws(HTTPClientError) -> WebAddress { try admit(try WebAddress(text)) }

    private func admit(_ address: WebAddress) throws(HTTPClientError) -> WebAddress {
        let isPrivate = privateHosts.contains(address.authority)
        guard isPrivate || hosts.contains(address.authority) else {
            throw .forbiddenDestination("the host is not among those allowed")
        }
        guard address.isSecure || allowsPlainLoopback || isPrivate else {
            throw .forbiddenDestination("it must be https")
        }
        if let literal = address.literal { try check([literal], of: address) }
        return address
    }

    /// Resolves the name once; for the moment before the call.
    package func check(_ text: String) throws(HTTPClientError) -> CheckedAddress { try check(try WebAddress(text)) }

    package func check(_ address: WebAddress) throws(HTTPClientError) -> CheckedAddress {
        let address = try admit(address)
        let found =
            if let literal = address.literal { [literal] } else { try resolver(address.host, address.port) }
        guard !found.isEmpty else { throw .unreachable("the host has no address") }
        // One bad address among good ones is reason enough.
        try check(found, of: address)
        return CheckedAddress(address: address, peers: found)
    }

    private static let never: Set<IPAddress.Kind> = [.multicast, .translated, .metadata]
    private static let own: Set<IPAddress.Kind> = [.loopback, .privateNetwork, .carrierTranslated]

    private func check(_ peers: [IPAddress], of address: WebAddress) throws(HTTPClientError) {
        let isPrivate = privateHosts.contains(address.authority)
        for peer in peers {
            let kind = peer.kind
            guard kinds.contains(kind) || isPrivate && Self.own.contains(kind), !Self.never.contains(kind) else {
                throw .forbiddenDestination("the host is not on a network that is allowed")
            }
            guard address.isSecure || kind == .loopback || isPrivate && Self.own.contains(kind) else {
                throw .forbiddenDestination("it must be https")
            }
        }
    }
}

/// An address with what its host resolved to, all of it allowed; made by a policy alone.
package struct CheckedAddress: Sendable, Hashable {
    package let address: WebAddress
    package let peers: [IPAddress]

    fileprivate init(address: WebAddress, peers: [IPAddress]) {
        self.address = address
        self.peers = peers
    }
}
