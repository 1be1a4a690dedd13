import CKernels
package import Compute

/// The weights of a block on the GPU: their places, and the bytes that belong there.
///
/// What lies in a file as the GPU wants it stays there. What was converted or summed is kept in the host's memory, so
/// that a block that comes again costs one copy, whatever was done to its weights.
@safe
final class DeviceImage: WeightImage {
    private var places: [DeviceStorage]
    private let sources: [HostBytes]
    private let uploads: UploadQueue
    private let compute: CUDAStream
    /// The last copy to the places.
    private let arrival: CUDAEvent
    /// The last work on what is there.
    private let departure: CUDAEvent
    private var isOnItsWay = false

    init(_ kept: [(storage: DeviceStorage, source: HostBytes?)], on backend: CUDABackend) throws(ComputeError) {
        uploads = backend.uploads
        compute = backend.stream
        arrival = try CUDAEvent(compute.context)
        departure = try CUDAEvent(compute.context)
        places = kept.map(\.storage)
        var sources: [HostBytes] = []
        for (storage, source) in kept {
            if let source {
                sources.append(source)
            } else {
                sources.append(try Self.copy(of: storage, on: compute))
            }
        }
        self.sources = sources
    }

    private static func copy(of storage: DeviceStorage, on stream: CUDAStream) throws(ComputeError) -> HostBytes {
        let context = stream.context
        return try unsafe HostBytes(count: storage.byteCount) { (memory) throws(ComputeError) in
            guard storage.byteCount > 0 else { return }
            try unsafe context.check(
                context.call.cuMemcpyDtoHAsync_v2(
                    memory, ck_address(storage.address), storage.byteCount, stream.handle), "cuMemcpyDtoHAsync")
            try stream.synchronize()
        }
    }

    /// Whoever has the memory next must not meet copies on their way to it.
    deinit { if isOnItsWay { try? compute.wait(for: arrival) } }

    func lay(_ other: any WeightImage) throws(ComputeError) {
        guard let other = other as? DeviceImage else { preconditionFailure("weights of another backend") }
        precondition(
            other.sources.map(\.count) == places.map(\.byteCount), "weights that are not alike in one place")
        isOnItsWay = true
        try uploads.lay(
            zip(other.sources, places).map { ($0, ck_address($1.address)) }, after: departure, until: arrival)
    }

    func arrive() throws(ComputeError) {
        guard isOnItsWay else { return }
        try compute.wait(for: arrival)
        isOnItsWay = false
    }

    func leave() throws(ComputeError) { try departure.record(on: compute) }

    func giveUpPlaces() { places = [] }
}

extension CUDABackend {
    package func image(of make: () throws -> Void) throws -> (any WeightImage)? {
        let ledger = WeightLedger()
        uploads.ledger = ledger
        defer { uploads.ledger = nil }
        try make()
        return try DeviceImage(ledger.kept, on: self)
    }
}
