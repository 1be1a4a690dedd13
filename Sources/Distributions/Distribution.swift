/// A release of a distribution, and what it calls the libraries that are opened at run time.
package struct Distribution: Sendable {
    /// For people: "Debian 13".
    package let name: String
    /// As /etc/os-release gives it, in derivatives too: "trixie".
    let codename: String
    /// The package of each library's file name.
    let packages: [String: String]
    /// How NVIDIA's driver is installed.
    package let driverRemedy: String

    /// The package of a library that a program was built to open as `soname`; further numbers do not matter.
    package func package(of soname: String) -> String? {
        packages.first { $0.key == soname || $0.key.hasPrefix(soname + ".") }?.value
    }

    /// Its own version of the library, where that is another one.
    func otherVersion(of soname: String) -> String? {
        guard package(of: soname) == nil, let suffix = soname.firstRange(of: ".so.") else { return nil }
        return packages.keys.first { $0.hasPrefix(soname[..<suffix.upperBound]) }
    }

    /// The file names of its libraries.
    package var sonames: [String] { packages.keys.sorted() }
}

extension Distribution {
    /// What helps where the library that is known as `soname` cannot be opened.
    package static func remedy(for soname: String) -> String { remedy(for: soname, on: here) }

    package static func remedy(for soname: String, on distribution: Distribution?) -> String {
        guard let distribution else {
            let names = known.compactMap { known in known.package(of: soname).map { "\(known.name): \($0)" } }
            let examples = names.isEmpty ? "" : " (\(names.joined(separator: ", ")))"
            return "install the package that holds \(soname)\(examples)"
        }
        if let package = distribution.package(of: soname) { return "install it: apt-get install \(package)" }
        guard let other = distribution.otherVersion(of: soname) else {
            return "install the package that holds \(soname)"
        }
        return "this wan-infer was built for another release: \(distribution.name) has \(other); "
            + "take its package for \(distribution.name), or build it here"
    }
}
