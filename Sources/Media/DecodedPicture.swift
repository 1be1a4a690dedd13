import CFFmpeg
import VideoTypes

/// A picture as libavcodec gives it, read without its scaler, which rounds.
@safe struct DecodedPicture {
    private let picture: UnsafeMutablePointer<AVFrame>
    private let header: ImageHeader

    /// Of a picture that lives as long and has the size of the header.
    @unsafe init(_ picture: UnsafeMutablePointer<AVFrame>, _ header: ImageHeader) {
        unsafe self.picture = unsafe picture
        self.header = header
    }

    func frame(_ model: ColourModel) throws(PictureError) -> Frame {
        let format = unsafe AVPixelFormat(picture.pointee.format)
        if let packed = Self.packed[format.rawValue] {
            return try frame(try rows(0, bytes: header.width * packed.step, count: header.height), packed)
        }
        switch format {
        case AV_PIX_FMT_PAL8: return try paletted()
        case AV_PIX_FMT_MONOBLACK: return try blackAndWhite()
        case AV_PIX_FMT_GBRP, AV_PIX_FMT_GBRAP: return try planar(across: 1, down: 1, order: [2, 0, 1], model)
        default:
            guard let chroma = Self.chroma[format.rawValue] else {
                throw .header(.unsupported(header.format, kind: "samples of a kind that is not read"))
            }
            return try planar(across: chroma.across, down: chroma.down, order: [0, 1, 2], model)
        }
    }

    /// Bytes of a pixel, and which of them are red, green and blue: of 16 bits the upper 8.
    private struct Packed {
        let step: Int
        let colours: [Int]
    }

    private static let packed: [Int32: Packed] = [
        AV_PIX_FMT_RGB24.rawValue: Packed(step: 3, colours: [0, 1, 2]),
        AV_PIX_FMT_RGBA.rawValue: Packed(step: 4, colours: [0, 1, 2]),
        AV_PIX_FMT_ARGB.rawValue: Packed(step: 4, colours: [1, 2, 3]),
        AV_PIX_FMT_GRAY8.rawValue: Packed(step: 1, colours: [0, 0, 0]),
        AV_PIX_FMT_YA8.rawValue: Packed(step: 2, colours: [0, 0, 0]),
        AV_PIX_FMT_RGB48BE.rawValue: Packed(step: 6, colours: [0, 2, 4]),
        AV_PIX_FMT_RGBA64BE.rawValue: Packed(step: 8, colours: [0, 2, 4]),
        AV_PIX_FMT_GRAY16BE.rawValue: Packed(step: 2, colours: [0, 0, 0]),
        AV_PIX_FMT_YA16BE.rawValue: Packed(step: 4, colours: [0, 0, 0]),
    ]

    /// How many samples of luma stand beside and below one another for one of chroma.
    private static let chroma: [Int32: (across: Int, down: Int)] = [
        AV_PIX_FMT_YUVJ444P.rawValue: (1, 1), AV_PIX_FMT_YUV444P.rawValue: (1, 1),
        AV_PIX_FMT_YUVA444P.rawValue: (1, 1),
        AV_PIX_FMT_YUVJ422P.rawValue: (2, 1), AV_PIX_FMT_YUV422P.rawValue: (2, 1),
        AV_PIX_FMT_YUVJ420P.rawValue: (2, 2), AV_PIX_FMT_YUV420P.rawValue: (2, 2),
        AV_PIX_FMT_YUVJ440P.rawValue: (1, 2), AV_PIX_FMT_YUV440P.rawValue: (1, 2),
        AV_PIX_FMT_YUVJ411P.rawValue: (4, 1), AV_PIX_FMT_YUV411P.rawValue: (4, 1),
    ]

    private func frame(_ bytes: [UInt8], _ packed: Packed) throws(PictureError) -> Frame {
        var pixels = [UInt8](repeating: 0, count: header.width * header.height * 3)
        var output = pixels.mutableSpan
        let source = bytes.span
        let (red, green, blue) = (packed.colours[0], packed.colours[1], packed.colours[2])
        for index in 0..<header.width * header.height {
            output[index * 3] = source[index * packed.step + red]
            output[index * 3 + 1] = source[index * packed.step + green]
            output[index * 3 + 2] = source[index * packed.step + blue]
        }
        return Frame(width: header.width, height: header.height, pixels: pixels)
    }

    private func paletted() throws(PictureError) -> Frame {
        let indices = try rows(0, bytes: header.width, count: header.height)
        guard let table = unsafe picture.pointee.data.1 else { throw missingPlane }
        // Safe: a palette has 256 words of 0xAARRGGBB.
        let colours = unsafe table.withMemoryRebound(to: UInt32.self, capacity: 256) { table in
            (0..<256).map { index in
                let word = unsafe table[index]
                return [UInt8(word >> 16 & 0xFF), UInt8(word >> 8 & 0xFF), UInt8(word & 0xFF)]
            }
        }
        let flat = colours.flatMap { $0 }
        var pixels = [UInt8](repeating: 0, count: indices.count * 3)
        var output = pixels.mutableSpan
        for (at, index) in indices.enumerated() {
            for channel in 0..<3 { output[at * 3 + channel] = flat[Int(index) * 3 + channel] }
        }
        return Frame(width: header.width, height: header.height, pixels: pixels)
    }

    private func blackAndWhite() throws(PictureError) -> Frame {
        let stride = (header.width + 7) / 8
        let bits = try rows(0, bytes: stride, count: header.height)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(header.width * header.height * 3)
        for y in 0..<header.height {
            for x in 0..<header.width {
                let isWhite = bits[y * stride + x / 8] & 0x80 >> UInt8(x % 8) != 0
                pixels += repeatElement(isWhite ? 255 : 0, count: 3)
            }
        }
        return Frame(width: header.width, height: header.height, pixels: pixels)
    }

    private func planar(across: Int, down: Int, order: [Int], _ model: ColourModel) throws(PictureError) -> Frame {
        var planes: [SamplePlane] = []
        for plane in order {
            // Of three planes in the file's order, all but the first may be smaller.
            let isSmall = plane != order[0]
            let width = isSmall ? (header.width + across - 1) / across : header.width
            let height = isSmall ? (header.height + down - 1) / down : header.height
            let samples = try rows(plane, bytes: width, count: height)
            let small = SamplePlane(width: width, height: height, samples: samples)
            guard isSmall else {
                planes.append(small)
                continue
            }
            planes.append(
                small.enlarged(
                    width: header.width, height: header.height, across: across, down: down,
                    model == .webP ? .webP : .jpeg))
        }
        return ColourMixing.frame(planes, model)
    }

    /// The rows of a plane without their padding.
    private func rows(_ plane: Int, bytes: Int, count: Int) throws(PictureError) -> [UInt8] {
        let data = unsafe [picture.pointee.data.0, picture.pointee.data.1, picture.pointee.data.2]
        let strides = unsafe [picture.pointee.linesize.0, picture.pointee.linesize.1, picture.pointee.linesize.2]
        guard let start = unsafe data[plane], Int(strides[plane]) >= bytes else { throw missingPlane }
        var rows: [UInt8] = []
        rows.reserveCapacity(bytes * count)
        for y in 0..<count {
            // Safe: the picture has the header's size, so each of its rows has these bytes.
            unsafe rows.append(contentsOf: UnsafeBufferPointer(start: start + y * Int(strides[plane]), count: bytes))
        }
        return rows
    }

    private var missingPlane: PictureError { .damaged(header.format, "a part of the decoded picture is missing") }
}
