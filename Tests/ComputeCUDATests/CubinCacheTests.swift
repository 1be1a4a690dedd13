import Foundation
import TestSupport
import TestTools
import Testing

@testable import ComputeCUDA

/// The cache under every fault that a disk, a crash or a neighbour can bring.
@Suite(.bounded) struct CubinCacheTests {
    private static let cubin = Cubin(
        bytes: (0..<5000).map { UInt8(truncatingIfNeeded: $0 * 37) },
        log: CompileLog(kernels: [
            CompileLog.Kernel(name: "one", registers: 168), CompileLog.Kernel(name: "two", registers: 24),
        ]))

    private static func key(
        _ text: String = "KERNEL", module: String = "m", target: String = "sm_90",
        nvrtc: CUDAVersion = CUDAVersion(12, 9),
        driver: CUDAVersion = CUDAVersion(12, 8)
    ) -> CubinKey {
        CubinKey(
            module: KernelModule(name: module, text: text, needsWarpgroups: false), target: target, compiler: nvrtc,
            driver: driver)
    }

    /// Compared apart from the expectation, which would print every byte.
    private static func isSound(_ found: Cubin?) -> Bool { found == cubin }

    /// A cache with one entry.
    private struct Filled {
        let parent: TemporaryFolder
        let cache: CubinCache

        init() throws {
            parent = try TemporaryFolder()
            cache = CubinCache(folder: parent.file("cache/wan-infer"))
            cache.store(CubinCacheTests.cubin, CubinCacheTests.key())
        }

        var path: String { cache.folder + "/" + CubinCacheTests.key().fileName }
        var bytes: Data { get throws { try Data(contentsOf: URL(fileURLWithPath: path)) } }

        func write(_ bytes: Data) throws { try bytes.write(to: URL(fileURLWithPath: path)) }

        /// What another process finds.
        var found: Cubin? { CubinCache(folder: cache.folder).cubin(CubinCacheTests.key()) }
        var isSound: Bool { CubinCacheTests.isSound(found) }
    }

    @Test func `what was stored is found again, by others too`() throws {
        let filled = try Filled()
        #expect(filled.isSound)
        #expect(filled.cache.warning == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: filled.cache.folder) == [Self.key().fileName])
        let mode = try FileManager.default.attributesOfItem(atPath: filled.cache.folder)[.posixPermissions] as? Int
        #expect(mode == 0o700)
    }

    @Test(arguments: [
        key("KERNEL2"), key(module: "other"), key(target: "sm_90a"), key(nvrtc: CUDAVersion(12, 8)),
        key(driver: CUDAVersion(13, 0)),
    ])
    func `anything that matters makes another entry`(other: CubinKey) throws {
        let filled = try Filled()
        #expect(filled.cache.cubin(other) == nil)
        #expect(other.fileName != Self.key().fileName)
    }

    @Test func `a changed byte is seen, wherever it is`() throws {
        let filled = try Filled()
        let sound = try filled.bytes
        for position in Array(0..<300) + stride(from: 300, to: sound.count, by: 97) + [sound.count - 1] {
            var bytes = sound
            bytes[position] ^= 0x10
            try filled.write(bytes)
            #expect(filled.found == nil, "byte \(position)")
        }
        try filled.write(sound)
        #expect(filled.isSound)
    }

    @Test func `a file that is too short or too long is seen`() throws {
        let filled = try Filled()
        let sound = try filled.bytes
        for count in Array(0..<60) + [sound.count / 2, sound.count - 1] {
            try filled.write(sound.prefix(count))
            #expect(filled.found == nil, "\(count) bytes")
        }
        try filled.write(sound + [0])
        #expect(filled.found == nil)
    }

    @Test func `a foreign entry under our name is not taken`() throws {
        let filled = try Filled()
        try filled.write(Data(CacheEntry.bytes(Self.cubin, Self.key("OTHER"))))
        #expect(filled.found == nil)
        let enormous = Data(Array("WICUBIN1".utf8) + [UInt8](repeating: 0xff, count: 100))
        try filled.write(enormous)
        #expect(filled.found == nil)
    }

    @Test func `a damaged entry is replaced`() throws {
        let filled = try Filled()
        try filled.write(Data("rubbish".utf8))
        filled.cache.store(Self.cubin, Self.key())
        #expect(filled.isSound)
    }

    @Test func `a symbolic link or a folder in an entry's place is not followed`() throws {
        let filled = try Filled()
        let elsewhere = filled.parent.file("elsewhere")
        try FileManager.default.moveItem(atPath: filled.path, toPath: elsewhere)
        try FileManager.default.createSymbolicLink(atPath: filled.path, withDestinationPath: elsewhere)
        #expect(filled.found == nil)
        try FileManager.default.removeItem(atPath: filled.path)
        try FileManager.default.createDirectory(atPath: filled.path, withIntermediateDirectories: false)
        #expect(filled.found == nil)
        filled.cache.store(Self.cubin, Self.key())
        #expect(filled.cache.warning?.hasPrefix("cannot write \(filled.path): ") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: filled.cache.folder).count == 1)
    }

    @Test func `a folder that cannot be made is a warning, not an error`() throws {
        let parent = try TemporaryFolder()
        try Data().write(to: URL(fileURLWithPath: parent.file("file")))
        let cache = CubinCache(folder: parent.file("file/cache"))
        cache.store(Self.cubin, Self.key())
        #expect(cache.cubin(Self.key()) == nil)
        #expect(cache.warning?.hasPrefix("cannot make ") == true)
        #expect(cache.warning?.hasSuffix("/file/cache: Not a directory") == true)
    }

    @Test func `a folder that takes no file is a warning, said once`() {
        // The kernel's own, where not even root can make a file.
        let cache = CubinCache(folder: "/proc/self")
        cache.store(Self.cubin, Self.key())
        #expect(cache.warning == "cannot write to /proc/self: No such file or directory")
        #expect(cache.cubin(Self.key()) == nil)
    }

    @Test func `a folder that others can write to is not used`() throws {
        let parent = try TemporaryFolder()
        try FileManager.default.setAttributes([.posixPermissions: 0o770], ofItemAtPath: parent.path)
        let cache = CubinCache(folder: parent.path)
        cache.store(Self.cubin, Self.key())
        #expect(cache.cubin(Self.key()) == nil)
        #expect(cache.warning == "cannot use \(parent.path): others can write to it")
        #expect(try parent.names.isEmpty)
    }

    @Test func `many writers at once leave one sound entry`() async throws {
        let parent = try TemporaryFolder()
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    let cache = CubinCache(folder: parent.file("cache"))
                    for _ in 0..<20 {
                        cache.store(Self.cubin, Self.key())
                        cache.store(Self.cubin, Self.key("\(writer)"))
                        #expect(Self.isSound(cache.cubin(Self.key())))
                    }
                    #expect(cache.warning == nil)
                }
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent.file("cache")).count == 9)
    }

    @Test func `the longest unused entries go when there are too many`() throws {
        let parent = try TemporaryFolder()
        let cache = CubinCache(folder: parent.file("cache"), limitBytes: 20_000)
        let keys = (0..<4).map { Self.key("\($0)") }
        for (age, key) in keys.dropLast().enumerated() {
            cache.store(Self.cubin, key)
            try Self.setAge(100 - age, cache.folder + "/" + key.fileName)
        }
        // Reading makes the oldest the newest.
        #expect(Self.isSound(cache.cubin(keys[0])))
        cache.store(Self.cubin, keys[3])
        #expect(keys.map { Self.isSound(cache.cubin($0)) } == [true, false, true, true])
    }

    @Test func `what a crash left is removed after an hour`() throws {
        let filled = try Filled()
        let (old, young) = (filled.cache.folder + "/.1-1.tmp", filled.cache.folder + "/.1-2.tmp")
        for path in [old, young] { try Data("WICU".utf8).write(to: URL(fileURLWithPath: path)) }
        try Self.setAge(3700, old)
        filled.cache.store(Self.cubin, Self.key("next"))
        #expect(!FileManager.default.fileExists(atPath: old))
        #expect(FileManager.default.fileExists(atPath: young))
    }

    @Test func `other people's files in its folder stay, whatever they are called`() throws {
        let parent = try TemporaryFolder()
        let folder = parent.file("cache")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in [
            ".1-1.tmp", ".x.tmp", "work.tmp", "kernel.cubin", "matmul-sm_90-0123456789abcdef0123456789abcdef.cubin",
            "empty.cubin", "notes.txt",
        ] {
            let bytes = name == "empty.cubin" ? Data() : Data(repeating: 7, count: 5000)
            try bytes.write(to: URL(fileURLWithPath: folder + "/" + name))
            try Self.setAge(100_000, folder + "/" + name)
        }
        try FileManager.default.createSymbolicLink(atPath: folder + "/link.cubin", withDestinationPath: "/etc/passwd")
        let before = try FolderPicture(folder)
        let cache = CubinCache(folder: folder, limitBytes: 1)
        let keys = (0..<3).map { Self.key("\($0)") }
        for key in keys { cache.store(Self.cubin, key) }
        // Only its own are too many.
        #expect(keys.map { Self.isSound(cache.cubin($0)) } == [false, false, true])
        let isOurs = { (name: String) in keys.contains { $0.fileName == name } }
        #expect(try before.changes(to: FolderPicture(folder).without(isOurs)) == [])
    }

    private static func setAge(_ seconds: Int, _ path: String) throws {
        let date = Date(timeIntervalSinceNow: -Double(seconds))
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
    }

    @Test func `the environment says where it is`() {
        #expect(CubinCache.folder(["HOME": "/h"]) == "/h/.cache/wan-infer")
        #expect(CubinCache.folder(["HOME": "/h", "XDG_CACHE_HOME": "/x"]) == "/x/wan-infer")
        #expect(CubinCache.folder(["XDG_CACHE_HOME": "/x", "WAN_INFER_CACHE": "/w"]) == "/w")
        #expect(CubinCache.folder(["XDG_CACHE_HOME": "relative", "HOME": ""]) == nil)
    }
}
