import Foundation
import TestTools
import Testing

@testable import Distributions

/// What libraries' packages are called on which release.
@Suite(.bounded) struct DistributionTests {
    private static func named(_ name: String) -> Distribution? { Distribution.known.first { $0.name == name } }

    @Test(arguments: [
        ("Debian 12", "libdnnl.so.2", "install it: apt-get install libdnnl2"),
        ("Debian 13", "libdnnl.so.3", "install it: apt-get install libdnnl3.6"),
        ("Ubuntu 24.04", "libdnnl.so.3", "install it: apt-get install libdnnl3"),
        ("Debian 12", "libmicrohttpd.so.12", "install it: apt-get install libmicrohttpd12"),
        ("Debian 13", "libcrypto.so.3", "install it: apt-get install libssl3t64"),
        ("Ubuntu 24.04", "libcurl.so.4", "install it: apt-get install libcurl4t64"),
        (
            "Debian 13", "libdnnl.so.2",
            "this wan-infer was built for another release: Debian 13 has libdnnl.so.3.6; "
                + "take its package for Debian 13, or build it here"
        ),
        (
            "Debian 12", "libavutil.so.59",
            "this wan-infer was built for another release: Debian 12 has libavutil.so.57; "
                + "take its package for Debian 12, or build it here"
        ),
        ("Debian 12", "libother.so.1", "install the package that holds libother.so.1"),
        (
            "", "libdnnl.so.3",
            "install the package that holds libdnnl.so.3 (Debian 13: libdnnl3.6, Ubuntu 24.04: libdnnl3)"
        ),
        ("", "libother.so.1", "install the package that holds libother.so.1"),
    ])
    func `a missing library is told with what helps on the release`(name: String, soname: String, remedy: String) {
        #expect(Distribution.remedy(for: soname, on: Self.named(name)) == remedy)
    }

    @Test func `releases are known by their file, derivatives by what they come from`() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\nVERSION_CODENAME=trixie\n"
        #expect(Distribution.known(as: debian)?.name == "Debian 13")
        #expect(Distribution.known(as: "VERSION_CODENAME=wilma\nUBUNTU_CODENAME=\"noble\"\n")?.name == "Ubuntu 24.04")
        #expect(Distribution.known(as: "VERSION_CODENAME=faye\nDEBIAN_CODENAME=bookworm")?.name == "Debian 12")
        #expect(Distribution.known(as: "ID=fedora\nVERSION_CODENAME=\"\"\n") == nil)
        #expect(Distribution.known(as: "") == nil)
    }

    @Test func `every release names the same libraries`() {
        let names = Distribution.known.map { $0.sonames.map { $0.split(separator: ".")[0] } }
        #expect(Set(names).count == 1 && names[0].count == 11)
    }

    /// CUDA's packages come from other sources than a release's own.
    private static var ownSonames: [String] {
        (Distribution.here?.sonames ?? []).filter { !$0.hasPrefix("libnvrtc") && !$0.hasPrefix("libcublas") }
    }

    @Test(.enabled(if: Distribution.here != nil, "the table holds no such release"), arguments: ownSonames)
    func `on this release every library lies in the package that the table says`(soname: String) throws {
        let package = try #require(Distribution.here?.package(of: soname))
        let files = try Subprocess("/usr/bin/dpkg-query", ["--listfiles", package], folder: "/").output
        #expect(files.split(separator: "\n").contains { $0.hasSuffix("/\(soname)") })
    }
}
