import VideoTypes

/// A JPEG file taken apart, so that a decoder sees nothing but the picture.
///
/// Segments of applications would tell libavcodec of cameras whose streams it mends; what stands behind the end is no
/// part of the picture.
struct JPEGSegments {
    /// The file with its tables, frame and scans alone.
    let bare: [UInt8]
    let model: ColourModel
    let exif: ArraySlice<UInt8>?

    /// Each is as much work as the whole picture; programs write about ten.
    private static let maxScans = 256
    private static let tables: Set<UInt8> = [0xC4, 0xDB, 0xDD]

    init(_ file: ByteView) throws(PictureError) {
        var walk = Walk()
        var offset = 2
        while true {
            guard let first = file[offset] else { throw .truncated(.jpeg) }
            guard first == 0xFF else { throw .damaged(.jpeg, "a marker is missing") }
            while file[offset] == 0xFF { offset += 1 }
            guard let marker = file[offset] else { throw .truncated(.jpeg) }
            offset += 1
            if marker == JPEGHeader.endOfImage { break }
            if JPEGHeader.endsWithoutLength.contains(marker) { continue }
            guard let length = file.bigEndian(offset, 2), let segment = file.slice(offset, length) else {
                throw .truncated(.jpeg)
            }
            guard length >= 2 else { throw .damaged(.jpeg, "a segment is too short") }
            offset += length
            try walk.take(marker, segment)
            guard marker == JPEGHeader.startOfScan else { continue }
            let end = try Self.endOfScan(file, from: offset)
            walk.body += file.slice(offset, end - offset) ?? []
            offset = end
        }
        guard walk.scans > 0 else { throw .damaged(.jpeg, "there is no picture in it") }
        model = walk.model
        exif = walk.exif
        bare = [0xFF, 0xD8] + walk.adobeSegment + walk.body + [0xFF, JPEGHeader.endOfImage]
    }

    /// The next marker that is no restart; within a scan, a zero behind 0xFF says that it is data.
    private static func endOfScan(_ file: ByteView, from start: Int) throws(PictureError) -> Int {
        var offset = start
        while let mark = file.next(0xFF, from: offset), let marker = file[mark + 1] {
            if marker == 0xFF {
                offset = mark + 1
            } else if marker == 0 || (0xD0...0xD7).contains(marker) {
                offset = mark + 2
            } else {
                return mark
            }
        }
        throw .truncated(.jpeg)
    }

    /// What has been seen on the way.
    private struct Walk {
        var body: [UInt8] = []
        var exif: ArraySlice<UInt8>?
        var scans = 0
        private var components: [UInt8] = []
        private var isJFIF = false
        private var adobeTransform: UInt8?

        mutating func take(_ marker: UInt8, _ segment: ArraySlice<UInt8>) throws(PictureError) {
            let view = ByteView(segment)
            switch marker {
            case _ where JPEGHeader.frames.contains(marker):
                guard components.isEmpty else { throw .damaged(.jpeg, "it has a second frame") }
                components = (0..<Int(view[7] ?? 0)).compactMap { view[8 + $0 * 3] }
            case JPEGHeader.startOfScan:
                scans += 1
                guard scans <= JPEGSegments.maxScans else {
                    throw .header(.unsupported(.jpeg, kind: "more than \(JPEGSegments.maxScans) scans"))
                }
            case 0xE0:
                isJFIF = isJFIF || view.contains("JFIF\0", at: 2)
                return
            case 0xE1:
                if exif == nil, view.contains("Exif\0\0", at: 2) { exif = segment.dropFirst(2) }
                return
            case 0xEE:
                if view.contains("Adobe", at: 2), let transform = view[13] { adobeTransform = transform }
                return
            case 0xD8: throw .damaged(.jpeg, "it begins a second time")
            case _ where JPEGSegments.tables.contains(marker): break
            default: return
            }
            body += [0xFF, marker] + segment
        }

        /// As libjpeg decides it.
        var model: ColourModel {
            switch components.count {
            case 1: .direct
            case 4: adobeTransform == 2 ? .ycc : .direct
            default:
                if isJFIF {
                    .ycc
                } else if let adobeTransform {
                    adobeTransform == 0 ? .rgb : .ycc
                } else {
                    components == Array("RGB".utf8) ? .rgb : .ycc
                }
            }
        }

        /// What libavcodec mixes black into the colours by, as Adobe's programs write them: inverted.
        var adobeSegment: [UInt8] {
            guard components.count == 4 else { return [] }
            let transform: UInt8 = adobeTransform == 2 ? 2 : 0
            return [0xFF, 0xEE, 0, 14] + Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, transform]
        }
    }
}
