/// What a file is that is no picture we read, for messages.
enum ForeignFormat {
    /// What a clone without its large files holds in a picture's place.
    private static let lfsPointer = "version https://git-lfs.github.com/spec/"
    static let lfsPointerName = "a Git LFS pointer"

    private static let prefixes: [(prefix: [UInt8], name: String)] = [
        ([0x49, 0x49, 0x2A, 0x00], "a TIFF file"), ([0x4D, 0x4D, 0x00, 0x2A], "a TIFF file"),
        (Array("GIF8".utf8), "a GIF file"), (Array("BM".utf8), "a BMP file"), (Array("%PDF".utf8), "a PDF file"),
        (Array("8BPS".utf8), "a Photoshop file"), (Array("<svg".utf8), "an SVG file"),
        (Array("<?xml".utf8), "an XML file"), (Array("<!DOCTYPE".utf8), "an HTML or XML file"),
        (Array("PK\u{3}\u{4}".utf8), "a ZIP file"), ([0xFF, 0x0A], "a JPEG XL file"),
        ([0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "a JPEG XL file"),
        ([0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20], "a JPEG 2000 file"),
        ([0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000 file"), ([0x00, 0x00, 0x01, 0x00], "an icon file"),
        ([0x1A, 0x45, 0xDF, 0xA3], "a Matroska or WebM clip"), (Array(lfsPointer.utf8), lfsPointerName),
    ]

    static func name(_ file: ByteView) -> String? {
        if file.count == 0 { return "an empty file" }
        // ISO base media files say their brand behind "ftyp".
        if file.contains("ftyp", at: 4) {
            if file.contains("avif", at: 8) || file.contains("avis", at: 8) { return "an AVIF file" }
            let isHEIF = ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"].contains {
                file.contains($0, at: 8)
            }
            return isHEIF ? "a HEIF file" : "an MP4 or QuickTime clip"
        }
        return prefixes.first { file.starts(with: $0.prefix) }?.name
    }
}
