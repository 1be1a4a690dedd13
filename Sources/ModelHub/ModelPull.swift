import Files
import HTTPClient
import VideoTypes

/// Brings a model from a hub onto this machine: again and again the same command, until all of it is there.
package struct ModelPull: Sendable {
    /// What is wanted.
    package struct Order: Sendable {
        package var model: String
        package var repository: String
        package var revision: String
        /// SHA-256 by path, which the files must have whatever the hub says.
        package var pinned: [String: String]

        package init(model: String, repository: String, revision: String = "main", pinned: [String: String] = [:]) {
            self.model = model
            self.repository = repository
            self.revision = revision
            self.pinned = pinned
        }
    }

    private let order: Order
    private let settings: HubSettings

    package init(_ order: Order, _ settings: HubSettings) {
        self.order = order
        self.settings = settings
    }

    /// Blocks until the model is whole; the folder that it is in.
    ///
    /// - Parameter report: told where it stands; whether to go on.
    package func run(_ report: (PullProgress) -> Bool) throws(HubError) -> PulledModel {
        if let variable = settings.offlineVariable { throw .offline(variable: variable) }
        guard HubPath.isRepository(order.repository) else {
            throw .setting(name: "the repository", found: order.repository, rule: "owner/name")
        }
        guard HubPath.isRevision(order.revision) else {
            throw .setting(name: "the revision", found: order.revision, rule: "a branch, a tag or a commit")
        }
        let folder = try PullFolder(order.model, in: settings.root)
        let client = HubClient(settings, cancellation: HTTPCancellation())
        guard report(PullProgress(.list)) else { throw .cancelled }
        let listing = try client.listing(.init(repository: order.repository, revision: order.revision))
        var record = try PullRecord.read(in: folder.path) ?? newRecord(listing)
        let old = record.files
        if record.commit != listing.commit || record.repository != order.repository {
            record = newRecord(listing)
            // Files that are the same in both revisions stay.
            record.files = old.filter { listing.files[$0.key]?.sha256 == $0.value.sha256 }
        }
        record.revision = order.revision
        record.isWhole = false
        record.files = record.files.filter { path, file in
            guard Folder.bytes("\(folder.path)/\(path)") == file.bytes, let listed = listing.files[path] else {
                return false
            }
            let wanted = order.pinned[path] ?? listed.sha256 ?? file.sha256
            return listed.bytes == file.bytes && file.sha256 == wanted
        }
        try record.write(in: folder.path)

        let place = HubClient.Place(repository: order.repository, revision: listing.commit)
        let fetch = Fetch(client, place, into: folder)
        let needed = NeededFiles(name: order.repository, paths: Set(listing.files.keys))
        let first = try needed.first()
        try checkSizes(first, listing)
        try bring(first, listing, fetch, folder, &record, total: 0, report)
        let weights = try needed.weights { path throws(HubError) in try Folder.read("\(folder.path)/\(path)") }
        let all = try files(first + weights, listing)
        record.neededBytes = try sum(all)
        try record.write(in: folder.path)
        try checkDisk(all, record, folder.path)
        try bring(weights, listing, fetch, folder, &record, total: record.neededBytes, report)

        let kept = Set(all.map(\.path))
        for path in Set(old.keys).union(record.files.keys) where !kept.contains(path) { try folder.remove(path) }
        record.files = record.files.filter { kept.contains($0.key) }
        record.isWhole = true
        try record.write(in: folder.path)
        try folder.removeParts()
        return PulledModel(folder: folder.path, record: record, partBytes: 0)
    }

    private func newRecord(_ listing: HubListing) -> PullRecord {
        PullRecord(
            model: order.model, repository: order.repository, revision: order.revision, commit: listing.commit,
            endpoint: settings.endpoint.text)
    }

    /// Fetches those of the files that are not there yet.
    private func bring(
        _ paths: [String], _ listing: HubListing, _ fetch: Fetch, _ folder: PullFolder, _ record: inout PullRecord,
        total: Int, _ report: (PullProgress) -> Bool
    ) throws(HubError) {
        var missing: [HubFile] = []
        for file in try files(paths, listing) where record.files[file.path] == nil {
            if try isInPlace(file, folder.path, report) { record.files[file.path] = file } else { missing.append(file) }
        }
        guard !missing.isEmpty else { return }
        let before = record.byteCount
        var pace = Pace()
        var current = record
        try fetch.run(missing) { bytes in
            pace.add(bytes, at: SystemClock.monotonic())
            var progress = PullProgress(.fetch)
            progress.doneBytes = before + bytes
            progress.totalBytes = total
            progress.bytesPerSecond = pace.bytesPerSecond
            return report(progress)
        } each: { file throws(HubError) in
            current.files[file.path] = file
            try current.write(in: folder.path)
        }
        record = current
    }

    /// Whether a file is there that no record tells of: its process ended between the two.
    private func isInPlace(
        _ file: HubFile, _ folder: String, _ report: (PullProgress) -> Bool
    ) throws(HubError) -> Bool {
        let path = "\(folder)/\(file.path)"
        guard let expected = file.sha256, Folder.bytes(path) == file.bytes else { return false }
        var progress = PullProgress(.check)
        progress.totalBytes = file.bytes
        let digest = try FileDigest.sha256(path) { bytes in
            progress.doneBytes += bytes
            return report(progress)
        }
        return digest == expected
    }

    /// The files with the digests that they must have.
    private func files(_ paths: [String], _ listing: HubListing) throws(HubError) -> [HubFile] {
        var files: [HubFile] = []
        for path in paths {
            guard var file = listing.files[path] else { throw .fileMissing(repository: order.repository, path: path) }
            if let pinned = order.pinned[path] {
                if let declared = file.sha256, declared != pinned {
                    throw .digest(
                        path: path, expected: pinned, found: declared, declaredBy: "the pin of \(order.model)")
                }
                file.sha256 = pinned
            }
            files.append(file)
        }
        return files
    }

    /// What is read before it is known how much there is in all must be small.
    private func checkSizes(_ first: [String], _ listing: HubListing) throws(HubError) {
        for file in try files(first, listing) where file.bytes > 64 << 20 {
            throw .badAnswer(host: settings.endpoint.authority, problem: "\(file.path) has \(file.bytes) bytes")
        }
    }

    private func checkDisk(_ files: [HubFile], _ record: PullRecord, _ folder: String) throws(HubError) {
        let missing = files.filter { record.files[$0.path] == nil }
        let left = try sum(missing) - PullFolder.partBytes(folder)
        guard left > 0 else { return }
        let free = try Folder.freeBytes(folder)
        let (needed, isTooMuch) = left.addingReportingOverflow(settings.spareBytes)
        guard !isTooMuch, needed <= free else { throw .diskFull(folder: folder, needed: left, free: free) }
    }

    private func sum(_ files: [HubFile]) throws(HubError) -> Int {
        var sum = 0
        for file in files {
            let (next, isTooMuch) = sum.addingReportingOverflow(file.bytes)
            guard !isTooMuch else {
                throw .badAnswer(host: settings.endpoint.authority, problem: "files larger than any disk")
            }
            sum = next
        }
        return sum
    }
}

/// A model that was pulled, or a part of one.
package struct PulledModel: Sendable {
    package let folder: String
    package let record: PullRecord
    /// Of files that are on their way.
    package let partBytes: Int

    package var byteCount: Int { record.byteCount + partBytes }
}
