import CKernels

/// A GPU's own counter of the energy that it has taken.
@safe
package final class EnergyMeter: @unchecked Sendable {
    // Safe: nothing changes, and NVML may be called on any thread.

    private let call: ck_nvml
    private let device: nvmlDevice_t

    /// nil where the library lacks a function or the GPU, or the GPU is older than Volta and does not count.
    init?(_ library: SharedLibrary, bus: String?) {
        var table = ck_nvml()
        guard let bus, unsafe library.fill(&table, ck_nvml_fill) == nil, table.nvmlInit_v2() == 0 else { return nil }
        var found: nvmlDevice_t?
        guard unsafe table.nvmlDeviceGetHandleByPciBusId_v2(bus, &found) == 0, let found = unsafe found else {
            return nil
        }
        call = table
        unsafe device = found
        guard joules() != nil else { return nil }
    }

    /// What the GPU has taken since its driver was loaded; nil where it does not answer.
    package func joules() -> Double? {
        var count: UInt64 = 0
        guard unsafe call.nvmlDeviceGetTotalEnergyConsumption(device, &count) == 0 else { return nil }
        return Double(count) / 1000
    }
}
