package import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// The bytes of a file that somebody names as a picture.
package struct PictureFile: Sendable {
    package let bytes: [UInt8]

    package static let maxBytes = VideoRequest.Limits.referenceImageBytes

    /// Reads a regular file of bounded size; nothing else is waited for.
    package init(path: String) throws(PictureError) {
        func failure(_ problem: PictureError.FileProblem) -> PictureError { .file(path: path, problem: problem) }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            let code = errno
            throw failure(code == ENOENT || code == ENOTDIR ? .missing : .system(call: "open", errno: code))
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure(.system(call: "fstat", errno: errno)) }
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFDIR else { throw failure(.isDirectory) }
        guard kind == S_IFREG else { throw failure(.notRegular) }
        let size = Int(status.st_size)
        guard size > 0 else { throw failure(.empty) }
        guard size <= Self.maxBytes else { throw failure(.tooLarge(bytes: size)) }
        var code: Int32 = 0
        bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                // Safe: the rest of the buffer is `size - count` bytes.
                let got = unsafe read(descriptor, buffer.baseAddress?.advanced(by: count), size - count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { code = errno }
                guard got > 0 else { return }
                count += got
            }
        }
        guard code == 0 else { throw failure(.system(call: "read", errno: code)) }
    }

    /// As a request has it; the header alone is looked at.
    package func image(_ role: PictureRole) throws(PictureError) -> ReferenceImage {
        do throws(ImageHeaderError) {
            return ReferenceImage(bytes: bytes, format: try ImageHeader(bytes).format, role: role)
        } catch {
            throw .header(error)
        }
    }

    /// The picture in it, upright.
    package func frame() throws(PictureError) -> Frame { try Picture(bytes).frame }
}
