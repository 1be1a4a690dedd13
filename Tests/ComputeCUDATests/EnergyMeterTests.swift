import CKernels
import FakeGPU
import KernelEmulation
import Synchronization
import TestTools
import Testing

@testable import ComputeCUDA

/// The counter of energy, on a library that pretends.
@Suite(.bounded, .serialized) struct EnergyMeterTests {
    private static let millijoules = Mutex<UInt64>(0)
    private static let asked = Mutex<[String]>([])
    private static let missing = Mutex<String?>(nil)

    /// A machine with a faked driver and, beside it, a faked libnvidia-ml.
    private struct Libraries: LibrarySource {
        let gpu: FakeGPU

        func candidates(for library: CUDALibrary) -> [LibraryCandidate] { gpu.candidates(for: library) }

        func open(_ candidate: LibraryCandidate) throws(LibraryFailure) -> SharedLibrary {
            guard candidate.name == CUDALibrary.management.rawValue else { return try gpu.open(candidate) }
            return unsafe SharedLibrary(standIn: candidate.name, context: nil, owner: gpu) { _, name in
                guard let name = unsafe name else { return nil }
                return unsafe EnergyMeterTests.symbol(String(cString: name))
            }
        }
    }

    private static func symbol(_ name: String) -> UnsafeMutableRawPointer? {
        guard missing.withLock({ $0 }) != name else { return nil }
        switch name {
        case "nvmlInit_v2":
            let start: @convention(c) () -> Int32 = { 0 }
            return unsafe unsafeBitCast(start, to: UnsafeMutableRawPointer.self)
        case "nvmlDeviceGetHandleByPciBusId_v2":
            let find: @convention(c) (UnsafePointer<CChar>?, UnsafeMutablePointer<OpaquePointer?>?) -> Int32 = {
                guard let bus = unsafe $0 else { return 2 }
                let text = unsafe String(cString: bus)
                EnergyMeterTests.asked.withLock { $0.append(text) }
                unsafe $1?.pointee = OpaquePointer(bitPattern: 1)
                return text.hasPrefix("0000:") ? 0 : 6
            }
            return unsafe unsafeBitCast(find, to: UnsafeMutableRawPointer.self)
        case "nvmlDeviceGetTotalEnergyConsumption":
            let count: @convention(c) (OpaquePointer?, UnsafeMutablePointer<UInt64>?) -> Int32 = {
                let value = EnergyMeterTests.millijoules.withLock { $0 }
                unsafe $1?.pointee = value
                return value == UInt64.max ? 3 : 0
            }
            return unsafe unsafeBitCast(count, to: UnsafeMutableRawPointer.self)
        default: return nil
        }
    }

    private static func meter(_ gpu: FakeGPU, ordinal: Int = 0) throws -> EnergyMeter? {
        let libraries = CUDALibraries(Libraries(gpu: gpu))
        let driver = try libraries.driver()
        return try libraries.energyMeter(for: CUDADevice.find(ordinal, driver), driver)
    }

    @Test func `the GPU is found by its place on the bus, and its counter is read in joules`() throws {
        Self.millijoules.withLock { $0 = 5_000 }
        let gpu = FakeGPU { unsafe $0.gpus = 2 }
        Self.asked.withLock { $0 = [] }
        let meter = try #require(try Self.meter(gpu, ordinal: 1))
        #expect(Self.asked.withLock { $0 } == ["0000:3F:00.0"])
        #expect(meter.joules() == 5)
        Self.millijoules.withLock { $0 = 7_250 }
        #expect(meter.joules() == 7.25)
        Self.millijoules.withLock { $0 = .max }
        #expect(meter.joules() == nil)
    }

    @Test func `without the library, a function or a counter there is no meter`() throws {
        let gpu = FakeGPU()
        let driver = try gpu.libraries.driver()
        #expect(gpu.libraries.energyMeter(for: try CUDADevice.find(0, driver), driver) == nil)
        Self.millijoules.withLock { $0 = 1 }
        for name in ["nvmlInit_v2", "nvmlDeviceGetHandleByPciBusId_v2", "nvmlDeviceGetTotalEnergyConsumption"] {
            Self.missing.withLock { $0 = name }
            #expect(try Self.meter(gpu) == nil, "\(name)")
        }
        Self.missing.withLock { $0 = nil }
        #expect(try Self.meter(gpu) != nil)
        Self.millijoules.withLock { $0 = .max }
        #expect(try Self.meter(gpu) == nil)
    }
}
