import CKernels
package import Compute

/// Matrices whose memory is taken, and whose bytes are copied, after their network was made.
final class LateMatrices: LateWeights {
    private struct Matrix {
        let storage: DeviceStorage
        /// The bytes that belong there as they are; nil where they have to be computed.
        let source: HostBytes?
        /// Fills the place once it is there.
        let make: (DeviceStorage) throws(ComputeError) -> Void
    }

    private let uploads: UploadQueue
    private let compute: CUDAStream
    private let pool: MemoryPool
    /// In use before any of the network was made.
    private let bytesBefore: Int
    /// All work on what is in the places before them.
    private let start: CUDAEvent
    /// The last copy to the places.
    private let arrival: CUDAEvent
    private var missing: [Matrix] = []
    /// Those that have places, and no numbers yet.
    private var placed: [Matrix] = []
    /// Those on their way.
    private var coming: [Matrix] = []

    init(on backend: CUDABackend) throws(ComputeError) {
        uploads = backend.uploads
        compute = backend.stream
        pool = backend.pool
        bytesBefore = pool.currentBytes
        start = try CUDAEvent(compute.context)
        arrival = try CUDAEvent(compute.context)
    }

    /// Whoever has the memory next must not meet copies on their way to it.
    deinit { if !coming.isEmpty { try? compute.wait(for: arrival) } }

    func add(
        _ storage: DeviceStorage, _ source: HostBytes?, make: @escaping (DeviceStorage) throws(ComputeError) -> Void
    ) {
        missing.append(Matrix(storage: storage, source: source, make: make))
    }

    func takePlaces(within byteCount: Int) throws(ComputeError) {
        var left = byteCount - (pool.currentBytes - bytesBefore)
        var rest: [Matrix] = []
        for matrix in missing {
            let bytes = matrix.storage.byteCount
            guard matrix.source != nil, bytes <= left else {
                rest.append(matrix)
                continue
            }
            do throws(ComputeError) {
                try matrix.storage.takeMemory()
                left -= bytes
                placed.append(matrix)
            } catch .outOfMemory {
                // There is less room than was planned with: those left come when the other network has gone.
                left = 0
                rest.append(matrix)
            }
        }
        missing = rest
        try start.record(on: compute)
    }

    func fill() throws(ComputeError) {
        guard !placed.isEmpty else { return }
        coming += placed
        placed = []
        var pieces: [(bytes: HostBytes, address: ck_address)] = []
        for matrix in coming {
            if let source = matrix.source { pieces.append((source, ck_address(matrix.storage.address))) }
        }
        try uploads.lay(pieces, after: start, until: arrival)
        for piece in pieces { piece.bytes.dropPages() }
    }

    func finish() throws(ComputeError) {
        for matrix in placed + missing {
            try matrix.storage.takeMemory()
            try matrix.make(matrix.storage)
        }
        (placed, missing) = ([], [])
        guard !coming.isEmpty else { return }
        try compute.wait(for: arrival)
        coming = []
    }
}

extension CUDABackend {
    package func late(_ make: () throws -> Void) throws -> (any LateWeights)? {
        let matrices = try LateMatrices(on: self)
        late = matrices
        defer { late = nil }
        try make()
        return matrices
    }
}
