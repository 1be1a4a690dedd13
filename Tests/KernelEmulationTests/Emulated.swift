import CKernels
import KernelEmulation

/// An array in the memory that emulated kernels reach.
@safe final class DeviceArray<Element: BitwiseCopyable> {
    let count: Int
    private let memory: UnsafeMutableRawPointer

    init(_ values: [Element]) {
        count = values.count
        guard let memory = unsafe emulation_allocate(values.count * MemoryLayout<Element>.stride) else {
            fatalError("no room for \(values.count) elements")
        }
        unsafe self.memory = memory
        unsafe values.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe memory.copyMemory(from: start, byteCount: bytes.count)
        }
    }

    deinit { unsafe emulation_free(memory, count * MemoryLayout<Element>.stride) }

    var address: ck_address { ck_address(UInt(bitPattern: unsafe memory)) }

    var values: [Element] {
        unsafe [Element](UnsafeBufferPointer(start: memory.assumingMemoryBound(to: Element.self), count: count))
    }
}

/// A place in a kernel where a fault can be planted; its C strings are constants of the process.
@safe struct PlantSite: CustomStringConvertible {
    fileprivate let site: emulation_site
    let word: String, fault: String
    /// The file's name without its folders.
    let file: String
    let line: Int

    fileprivate init(_ site: emulation_site) {
        unsafe self.site = site
        word = unsafe String(cString: site.word)
        fault = unsafe String(cString: site.fault)
        file = unsafe String(cString: site.file).split(separator: "/").last.map(String.init) ?? ""
        line = Int(unsafe site.line)
    }

    /// Nothing is wrong then with the order of reads and writes, only with the result.
    var changesOperand: Bool { word == "warpgroup_multiply" }
    var description: String { "\(word) in \(file):\(line), \(fault)" }
}

/// How a kernel is run.
struct Trial {
    var seed: UInt64 = 0
    var plant: PlantSite?
    var listsSites = false
    /// How many rows more than the arrays have the arguments claim.
    var excess = 0
}

/// What a launch came to.
struct EmulatedRun {
    let violations: [String]
    let sites: [PlantSite]
    let counters: emulation_counters

    init<Arguments: BitwiseCopyable>(
        _ name: String, grid: (x: UInt32, y: UInt32, z: UInt32) = (1, 1, 1), threads: UInt32, shared: Int = 0,
        _ arguments: Arguments, _ trial: Trial = Trial(), cpuThreads: Int32 = 1
    ) {
        guard let kernel = unsafe emulation_find(name) else { fatalError("there is no kernel \(name)") }
        precondition(unsafe emulation_kernel_argument_bytes(kernel) == MemoryLayout<Arguments>.size)
        let grid = [grid.x, grid.y, grid.z]
        let site = unsafe trial.plant.map { unsafe $0.site } ?? emulation_site()
        let result = unsafe withUnsafePointer(to: site) { site in
            var options = unsafe emulation_options(
                seed: trial.seed, cpu_threads: cpuThreads, plant: trial.plant == nil ? nil : site,
                list_sites: trial.listsSites ? 1 : 0)
            return unsafe withUnsafeBytes(of: arguments) { bytes in
                unsafe emulation_launch(kernel, grid, threads, shared, bytes.baseAddress, &options)
            }
        }
        defer { unsafe emulation_result_free(result) }
        violations = unsafe (0..<emulation_result_violation_count(result)).map {
            unsafe String(cString: emulation_result_violation(result, $0))
        }
        sites = unsafe (0..<emulation_result_site_count(result)).map {
            unsafe PlantSite(emulation_result_site(result, $0).pointee)
        }
        counters = unsafe emulation_result_counters(result).pointee
    }
}

/// Integers as bf16: exact, and so are their small products and sums.
func bf16(_ x: Int) -> UInt16 { UInt16(truncatingIfNeeded: Float(x).bitPattern >> 16) }
func float(_ bf16: UInt16) -> Float { Float(bitPattern: UInt32(bf16) << 16) }
