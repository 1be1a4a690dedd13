import Foundation
import TestTools
import Testing
import VideoTypes

@testable import Media

/// Files that are no picture, or none that is read: refused by what is wrong with them.
@Suite(.bounded) struct PictureRefusalTests {
    private static let png = "rgb8.png"

    private func refusal(_ name: String) throws -> PictureError? {
        PictureFixtures.refusal(try PictureFixtures.bytes(name))
    }

    @Test func `animations and other formats are named`() throws {
        #expect(try refusal("refused/animated.png") == .header(.animated(.png)))
        #expect(try refusal("refused/animated.webp") == .header(.animated(.webp)))
        #expect(try refusal("refused/tiff.png") == .header(.unknownFormat(found: "a TIFF file")))
        #expect(try refusal("refused/gif.jpg") == .header(.unknownFormat(found: "a GIF file")))
        #expect(try refusal("refused/bmp.webp") == .header(.unknownFormat(found: "a BMP file")))
        #expect(try refusal("refused/avif.png") == .header(.unknownFormat(found: "an AVIF file")))
        #expect(PictureFixtures.refusal([]) == .header(.unknownFormat(found: "an empty file")))
        let error = try #require(try refusal("refused/tiff.png")).videoError(about: .referenceImages)
        #expect(error.code == .invalidRequest && error.field == .referenceImages)
        #expect(error.message == "the picture is a TIFF file, not a PNG, JPEG or WebP file")
        #expect(error.hint == "save it as PNG, JPEG or WebP, whatever its name ends in")
    }

    @Test func `a picture whose end is missing is refused, wherever it is cut off`() throws {
        for name in try PictureFixtures.names() {
            let bytes = try PictureFixtures.bytes(name)
            let end = name.hasPrefix("archive") ? try PictureFixtures.bytes("444.jpg").count : bytes.count
            for part in 1..<12 {
                let cut = Array(bytes.prefix(end * part / 12))
                #expect(PictureFixtures.refusal(cut) != nil, "\(name) of \(cut.count) bytes")
            }
            // WebP's padding is no part of the picture.
            let last = Array(bytes.prefix(end - 2))
            #expect(PictureFixtures.refusal(last) != nil, "\(name) of \(last.count) bytes")
        }
        #expect(try refusal("refused/row-missing.png") == .damaged(.png, "invalid data found when processing input"))
        let jpeg = try PictureFixtures.bytes("444.jpg")
        #expect(PictureFixtures.refusal(Array(jpeg.dropLast(2))) == .truncated(.jpeg))
        let png = try PictureFixtures.bytes(Self.png)
        #expect(PictureFixtures.refusal(Array(png.dropLast(1))) == .truncated(.png))
    }

    @Test func `damage in the data is refused`() throws {
        var bytes = try PictureFixtures.bytes(Self.png)
        let place = bytes.count - 40
        bytes[place] ^= 1
        #expect(PictureFixtures.refusal(bytes) == .damaged(.png, "invalid data found when processing input"))
    }

    @Test func `what stands beside a picture is never decoded`() throws {
        let bytes = try PictureFixtures.bytes(Self.png)
        let expected = try Picture(bytes).frame
        // Deflated zeros that were a gigabyte: libavcodec would unfold a compressed text or profile without a bound.
        let bomb = Array("name\0\0".utf8) + [0x78, 0xDA] + [UInt8](repeating: 0, count: 5000)
        for name in ["zTXt", "iCCP", "iTXt", "prVt"] {
            let longer = bytes.prefix(33) + PictureFixtures.chunk(name, bomb) + bytes.dropFirst(33)
            #expect(try Picture(Array(longer)).frame == expected)
            #expect(try !PNGChunks(ByteView(longer[...])).bare.contains(sequence: name.utf8))
        }
        #expect(try Picture(bytes + Array("PK\u{3}\u{4}".utf8) + bytes).frame == expected)
        let critical = bytes.prefix(33) + PictureFixtures.chunk("ABCD", []) + bytes.dropFirst(33)
        #expect(PictureFixtures.refusal(Array(critical)) == .damaged(.png, "it needs a chunk that nobody knows"))
        let second = bytes.prefix(33) + bytes[8..<33] + bytes.dropFirst(33)
        #expect(PictureFixtures.refusal(Array(second)) == .damaged(.png, "it has a second header"))
    }

    @Test func `a header of another size than the picture is refused`() throws {
        var png = try PictureFixtures.bytes(Self.png)
        png[23] += 1
        #expect(PictureFixtures.refusal(PictureFixtures.mended(png: png)) != nil)
        let frame = try PictureFixtures.bytes("444.jpg")
        let start = try #require(frame.firstRange(of: [0xFF, 0xC0, 0, 17, 8])).lowerBound
        let doubled = frame.prefix(start) + frame[start..<start + 19] + frame.dropFirst(start)
        #expect(PictureFixtures.refusal(Array(doubled)) == .damaged(.jpeg, "it has a second frame"))
    }

    @Test func `more scans than any program writes are refused`() throws {
        let bytes = try PictureFixtures.bytes("444-progressive.jpg")
        let start = try #require(bytes.firstRange(of: [0xFF, 0xDA])).lowerBound
        let scan = bytes[start..<bytes.count - 2]
        let many = bytes.prefix(start) + (0..<257).flatMap { _ in scan } + bytes.suffix(2)
        #expect(
            PictureFixtures.refusal(Array(many)) == .header(.unsupported(.jpeg, kind: "more than 256 scans")))
    }

    @Test func `a file that cannot be read says why`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("picture-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func problem(_ path: String) -> PictureError.FileProblem? {
            do throws(PictureError) {
                _ = try PictureFile(path: path)
                return nil
            } catch {
                guard case .file(path, let problem) = error else { return nil }
                #expect(!error.videoError.message.isEmpty && error.videoError.hint != nil)
                return problem
            }
        }
        #expect(problem(folder + "/none.png") == .missing)
        #expect(problem(folder) == .isDirectory)
        #expect(problem("/dev/zero") == .notRegular)
        #expect(unsafe mkfifo(folder + "/pipe", 0o600) == 0)
        #expect(problem(folder + "/pipe") == .notRegular)
        try Data().write(to: URL(fileURLWithPath: folder + "/empty.png"))
        #expect(problem(folder + "/empty.png") == .empty)
        #expect(unsafe truncate(folder + "/empty.png", off_t(PictureFile.maxBytes + 1)) == 0)
        #expect(problem(folder + "/empty.png") == .tooLarge(bytes: PictureFile.maxBytes + 1))
        let file = try PictureFile(path: PictureFixtures.folder + "/" + Self.png)
        #expect(file.bytes == (try PictureFixtures.bytes(Self.png)))
        #expect(try file.frame() == Picture(file.bytes).frame)
        let missing = PictureError.file(path: "ball.png", problem: .missing).videoError
        #expect(missing.message == "cannot read the picture ball.png: there is no such file")
    }
}

extension [UInt8] {
    fileprivate func contains(sequence: some Collection<UInt8>) -> Bool { firstRange(of: sequence) != nil }
}
