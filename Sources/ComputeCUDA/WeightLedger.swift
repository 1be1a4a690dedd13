import CKernels
import Compute

/// Which memory was taken while weights were made, in order, and which of it is a copy of what.
final class WeightLedger {
    private struct Entry {
        weak var storage: DeviceStorage?
        let address: UInt
        var source: HostBytes?
    }

    private var entries: [Entry] = []

    func note(_ storage: DeviceStorage) {
        entries.append(Entry(storage: storage, address: storage.address))
    }

    /// - Parameter address: the last memory that was taken there is meant.
    func note(_ source: HostBytes, at address: ck_address) {
        guard let index = entries.lastIndex(where: { $0.address == UInt(address) }) else { return }
        entries[index].source = source
    }

    /// What has not been given back; the source of memory that was filled as a whole and by one copy.
    var kept: [(storage: DeviceStorage, source: HostBytes?)] {
        entries.compactMap { entry in
            entry.storage.map { storage in
                (storage, entry.source.flatMap { $0.count == storage.byteCount ? $0 : nil })
            }
        }
    }
}
