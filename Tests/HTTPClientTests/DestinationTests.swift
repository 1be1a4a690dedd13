import Foundation
import HTTPClient
import Synchronization
import TestTools
import Testing

/// Where a stranger may send us: the table of tricks.
@Suite(.bounded) struct DestinationTests {
    private func policy(_ hosts: Set<String>, _ answers: String...) -> DestinationPolicy {
        let addresses = answers.compactMap { IPAddress($0) }
        return DestinationPolicy(hosts: hosts) { _, _ in addresses }
    }

    @Test func `an allowed host on the public internet is admitted`() throws {
        let policy = policy(["hooks.example.org", "hooks.example.org:8443"], "93.184.216.34", "2606:2800:220:1::1")
        let checked = try policy.check("https://HOOKS.example.ORG/a/../b?x=%20y")
        #expect(checked.address.text == "https://hooks.example.org/a/../b?x=%20y")
        #expect(checked.peers.count == 2)
        #expect(try policy.check("https://hooks.example.org:8443").address.text == "https://hooks.example.org:8443/")
        #expect(try policy.check("https://hooks.example.org:443/").address.port == 443)
        #expect(try policy.admit("https://hooks.example.org?q=1").target == "/?q=1")
    }

    /// Every one of them is, or could be taken for, something inside.
    private static let tricks = [
        "http://hooks.example.org/",  // not encrypted
        "https://hooks.example.org:8443/",  // another port than allowed
        "https://other.example.org/", "https://xhooks.example.org/", "https://hooks.example.org.evil.test/",
        "https://hooks.example.org./",  // trailing dot
        "https://hooks.example.org@127.0.0.1/", "https://user:pw@hooks.example.org/", "https://@hooks.example.org/",
        "https://hooks.example.org:443@127.0.0.1/",
        "https://127.0.0.1\\@hooks.example.org/", "https://hooks.example.org\\.evil.test/",
        "https:\\\\hooks.example.org/", "https:hooks.example.org/", "https:/hooks.example.org/",
        "https:///hooks.example.org/", "//hooks.example.org/", "hooks.example.org",
        "https://hooks.example.org#@evil.test/", "https://evil.test#hooks.example.org/",
        "https://127.0.0.1#.hooks.example.org/",
        "https://hooks.example.org%2eevil.test/", "https://hooks.example.org%00.evil.test/",
        "https://hooks.example.org\u{0}.evil.test/", "https://hooks.example.org\r\nX: y/",
        "https://hooks.example.org /",
        " https://hooks.example.org/", "https://hooks.example.org/\t",
        "https://ｈｏｏｋｓ.example.org/", "https://hooks。example.org/", "https://hoöks.example.org/",
        "https://xn--hoks-6qa.example.org/", "https://ⓗooks.example.org/",
        "https://hooks.example.org:0/", "https://hooks.example.org:65536/", "https://hooks.example.org:+443/",
        "https://hooks.example.org:/", "https://hooks.example.org:４４３/", "https://hooks.example.org:443:443/",
        "ftp://hooks.example.org/", "file:///etc/passwd", "gopher://hooks.example.org/", "javascript:alert(1)",
        "https://[::1]:443]/", "https://[hooks.example.org]/", "https://hooks..example.org/",
        "https://-hooks.example.org/", "https://hooks_example.org/", "https://.hooks.example.org/", "https:///", "",
    ]

    @Test(arguments: tricks) func `a trick is refused before the network is asked`(_ text: String) {
        let policy = DestinationPolicy(hosts: ["hooks.example.org"]) { _, _ in
            Issue.record("asked the resolver")
            return []
        }
        #expect(throws: HTTPClientError.self, "\(text)") { try policy.check(text) }
    }

    /// Spellings of numeric hosts, all on the allow list as they are written.
    private static let numericHosts = [
        "2130706433", "0x7f000001", "017700000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "127.0.0.01",
        "127.0.0.1.", "0", "127.0.0.256", "1.2.3.4.5", "127.0.0.0x1", "0x", "192.168.1", "127.0.0.1%20",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1%25eth0]", "[::]",
        "[2002:7f00:1::]", "[fd00:ec2::254]", "127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.0",
        "255.255.255.255", "224.0.0.1", "[ff02::1]", "100.64.0.1", "192.168.0.1", "172.31.255.255", "[fd12::1]",
    ]

    @Test(arguments: numericHosts) func `a number is refused unless it is a public address`(_ host: String) {
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let expanded = IPAddress(bare)?.description ?? bare
        let policy = policy([host, bare, expanded], "93.184.216.34")
        #expect(throws: HTTPClientError.self) { try policy.check("https://\(host)/") }
    }

    @Test func `a public number on the list is admitted`() throws {
        let policy = policy(["93.184.216.34", "2606:2800:220:1:0:0:0:1"])
        #expect(try policy.check("https://93.184.216.34/x").peers.map(\.description) == ["93.184.216.34"])
        #expect(try policy.check("https://[2606:2800:220:1::1]/").address.text == "https://[2606:2800:220:1:0:0:0:1]/")
    }

    private static let kinds: [(String, IPAddress.Kind)] = [
        ("8.8.8.8", .global), ("1.1.1.1", .global), ("100.63.255.255", .global), ("100.128.0.0", .global),
        ("172.15.255.255", .global), ("172.32.0.0", .global), ("192.167.255.255", .global),
        ("223.255.255.255", .global),
        ("11.0.0.0", .global), ("9.255.255.255", .global), ("126.255.255.255", .global), ("128.0.0.0", .global),
        ("0.0.0.0", .reserved), ("0.255.255.255", .reserved), ("10.0.0.0", .privateNetwork),
        ("10.255.255.255", .privateNetwork), ("100.64.0.0", .carrierTranslated),
        ("100.127.255.255", .carrierTranslated),
        ("127.0.0.1", .loopback), ("127.255.255.255", .loopback), ("169.254.0.1", .linkLocal),
        ("169.254.169.254", .metadata), ("100.100.100.200", .metadata), ("168.63.129.16", .metadata),
        ("192.0.0.192", .metadata), ("169.254.170.2", .metadata), ("172.16.0.0", .privateNetwork),
        ("172.31.255.255", .privateNetwork), ("192.168.255.255", .privateNetwork), ("192.0.0.8", .reserved),
        ("192.0.2.1", .reserved), ("192.88.99.1", .translated), ("198.18.0.0", .reserved),
        ("198.19.255.255", .reserved),
        ("198.51.100.7", .reserved), ("203.0.113.7", .reserved), ("224.0.0.0", .multicast),
        ("239.255.255.255", .multicast), ("240.0.0.0", .reserved), ("255.255.255.255", .reserved),
        ("::", .reserved), ("::1", .loopback), ("::2", .translated), ("::127.0.0.1", .translated),
        ("::ffff:8.8.8.8", .translated), ("64:ff9b::808:808", .translated), ("64:ff9b:1::1", .translated),
        ("100::1", .reserved), ("2000::1", .global), ("2001::1", .translated), ("2001:10::1", .reserved),
        ("2001:20::1", .reserved), ("2001:db8::1", .reserved), ("2001:200::1", .global),
        ("2002:808:808::", .translated),
        ("2606:4700::1111", .global), ("3fff:fff:ffff::", .reserved), ("3fff:1000::", .global), ("4000::1", .reserved),
        ("5f00::1", .reserved), ("fc00::1", .privateNetwork), ("fdff::1", .privateNetwork),
        ("fd00:ec2::254", .metadata), ("fe80::1", .linkLocal), ("febf::1", .linkLocal), ("fec0::1", .reserved),
        ("ff02::1", .multicast),
    ]

    @Test(arguments: kinds) func `addresses are told apart`(_ text: String, _ kind: IPAddress.Kind) throws {
        #expect(try #require(IPAddress(text)).kind == kind)
    }

    @Test(arguments: IPAddress.Kind.allCases)
    func `a name that leads to what is not public is refused, alone or among others`(_ kind: IPAddress.Kind) throws {
        let sample = try #require(Self.kinds.first { $0.1 == kind }).0
        let host = "hooks.example.org"
        if kind == .global {
            #expect(try policy([host], sample).check("https://\(host)/").peers.count == 1)
        } else {
            #expect(throws: HTTPClientError.self) { try policy([host], sample).check("https://\(host)/") }
            #expect(throws: HTTPClientError.self) { try policy([host], "8.8.8.8", sample).check("https://\(host)/") }
        }
        // Some are refused even if somebody allows them.
        var open = policy([host], sample)
        open.kinds = Set(IPAddress.Kind.allCases)
        if [.multicast, .translated, .metadata].contains(kind) {
            #expect(throws: HTTPClientError.self) { try open.check("https://\(host)/") }
        } else {
            #expect(try open.check("https://\(host)/").peers.count == 1)
        }
    }

    @Test func `a name without addresses is unreachable`() {
        #expect(throws: HTTPClientError.unreachable("the host has no address")) {
            try policy(["a.test"]).check("https://a.test/")
        }
    }

    @Test func `plain http is for loopback alone, and only if allowed`() throws {
        var policy = policy(["a.test", "127.0.0.1:81"], "127.0.0.1")
        policy.kinds = [.loopback, .privateNetwork]
        #expect(throws: HTTPClientError.self) { try policy.check("http://a.test/") }
        policy.allowsPlainLoopback = true
        #expect(try policy.check("http://a.test/").address.isSecure == false)
        #expect(try policy.check("http://127.0.0.1:81/").peers.count == 1)
        var outside = self.policy(["a.test"], "10.0.0.1")
        outside.kinds = [.loopback, .privateNetwork]
        outside.allowsPlainLoopback = true
        #expect(throws: HTTPClientError.self) { try outside.check("http://a.test/") }
        #expect(try outside.check("https://a.test/").peers.count == 1)
    }

    @Test func `a resolver that changes its answer changes nothing for the call`() throws {
        let server = try ScriptedServer { _ in .init(204) }
        let asked = Mutex(0)
        var policy = DestinationPolicy(hosts: ["rebind.test:\(server.port)"]) { _, _ in
            let count = asked.withLock { count in
                count += 1
                return count
            }
            return [IPAddress(count == 1 ? "127.0.0.1" : "10.0.0.1")].compactMap { $0 }
        }
        policy.kinds = [.loopback]
        policy.allowsPlainLoopback = true
        let text = "http://rebind.test:\(server.port)/hook"
        let checked = try policy.check(text)
        // The name exists nowhere but in the check: the call can only have gone to the checked address.
        #expect(try HTTPClient().perform(HTTPCall(.post, checked)).status == 204)
        #expect(server.requests.first?.headers["host"] == "rebind.test:\(server.port)")
        #expect(asked.withLock { $0 } == 1)
        #expect(throws: HTTPClientError.self) { try policy.check(text) }
    }

    @Test func `a checked call connects to nothing that was not checked`() throws {
        let server = try ScriptedServer { _ in .init() }
        var policy = DestinationPolicy(hosts: ["one.test:\(server.port)"]) { _, _ in
            [IPAddress("127.0.0.1")].compactMap { $0 }
        }
        policy.kinds = [.loopback]
        policy.allowsPlainLoopback = true
        var call = HTTPCall(.get, try policy.check("http://one.test:\(server.port)/"))
        // Checked for one address, sent to another: the gate in front of the socket sees it.
        call.address = try WebAddress("http://127.0.0.2:\(server.port)/")
        let error = #expect(throws: HTTPClientError.self) { try HTTPClient().perform(call) }
        guard case .forbiddenDestination = error else { return #expect(error == .forbiddenDestination("")) }
        #expect(server.requests.isEmpty)
    }

    @Test func `a checked call follows no redirect`() throws {
        let server = try ScriptedServer { _ in .init(307, ["Location": "http://127.0.0.1:1/"]) }
        var policy = DestinationPolicy(hosts: ["127.0.0.1:\(server.port)"])
        policy.kinds = [.loopback]
        policy.allowsPlainLoopback = true
        let call = HTTPCall(.post, try policy.check(server.url))
        #expect(call.totalSeconds == 10 && call.maxBytes <= 64 << 10)
        #expect(try HTTPClient().perform(call).status == 307)
        #expect(server.requests.count == 1)
    }

    @Test func `a refusal echoes nothing of the address`() {
        for text in Self.tricks where text.count > 8 {
            let error = #expect(throws: HTTPClientError.self) { try policy(["hooks.example.org"]).check(text) }
            #expect(error?.message.contains("evil") == false && error?.message.contains("pw") == false)
        }
    }

    @Test func `mutated addresses never crash, and what passes reads the same again`() throws {
        let seeds = ["https://user@[::1]:443/a?b#c", "http://127.0.0.1:80/", "https://hooks.example.org/x"].map {
            Array($0.utf8)
        }
        var random = SplitMix(state: 7)
        var passed = 0
        for _ in 0..<20_000 {
            var bytes = seeds[Int(random.next() % 3)]
            for _ in 0..<1 + random.next() % 3 {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[place] = UInt8(random.next() % 256)
                case 1: bytes.insert(Array("/\\@#:[].%0x".utf8)[Int(random.next() % 11)], at: place)
                default: bytes.remove(at: place)
                }
            }
            guard let address = try? WebAddress(String(decoding: bytes, as: UTF8.self)) else { continue }
            passed += 1
            #expect(try WebAddress(address.text) == address)
        }
        #expect(passed > 1000)
    }

    @Test func `below an address there are only paths`() throws {
        let base = try WebAddress("http://127.0.0.1:9/v1/")
        #expect(try base.appending("/videos/x?a=1").text == "http://127.0.0.1:9/v1/videos/x?a=1")
        #expect(throws: HTTPClientError.self) { try base.appending("/x y") }
    }

    @Test func `the resolver of the system knows this machine`() throws {
        #expect(try NameResolver.addresses("localhost", 80).contains { $0.kind == .loopback })
        #expect(throws: HTTPClientError.self) { try NameResolver.addresses("no-such-host.invalid", 80) }
    }
}
