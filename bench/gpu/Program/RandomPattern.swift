import Glibc

/// Pages of random numbers that can be mapped to any number of places.
@safe
final class RandomPattern {
    /// How a number is stored.
    enum Width: String {
        case single = "F32"
        case half = "BF16"

        var bytes: Int { self == .single ? 4 : 2 }

        @unsafe func store(_ value: Float, _ place: UnsafeMutableRawPointer) {
            switch self {
            case .single: unsafe place.storeBytes(of: value, as: Float.self)
            case .half:
                unsafe place.storeBytes(of: UInt16(truncatingIfNeeded: value.bitPattern >> 16), as: UInt16.self)
            }
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ what: String) {
            description = unsafe "\(what): \(String(cString: strerror(errno)))"
        }
    }

    static let page = 4096
    /// A prime number: no matrix has rows that repeat.
    static let pages = 16411
    static let deviation: Float = 0.02

    let width: Width
    let byteCount: Int
    private let file: Int32

    init(_ width: Width, pages: Int) throws {
        self.width = width
        byteCount = pages * Self.page
        // A file without a name, in the system's folder for such.
        guard let stream = unsafe tmpfile() else { throw Failure("tmpfile") }
        file = unsafe dup(fileno(stream))
        unsafe fclose(stream)
        guard file >= 0 else { throw Failure("dup") }
        guard ftruncate(file, byteCount) == 0 else { throw Failure("ftruncate") }
        let all = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let all = unsafe all, unsafe all != MAP_FAILED else { throw Failure("mmap of \(byteCount) bytes") }
        defer { unsafe munmap(all, byteCount) }
        var random = RandomNumbers(seed: 2)
        for offset in stride(from: 0, to: byteCount, by: width.bytes) {
            unsafe width.store(Self.deviation * random.normal(), all + offset)
        }
    }

    deinit { close(file) }

    /// Maps its first `count` bytes in the place of what is there.
    @unsafe func map(at place: UnsafeMutableRawPointer, count: Int) throws {
        let mapped = unsafe mmap(place, count, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0)
        guard unsafe mapped == place else { throw Failure("mmap of \(count) bytes of the pattern") }
    }
}
