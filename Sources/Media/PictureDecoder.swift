import CFFmpeg
import VideoTypes

/// One picture through one of three decoders of libavcodec, in one thread, without a demuxer.
@safe final class PictureDecoder {
    private let header: ImageHeader
    private let ffmpeg: FFmpeg
    private var context: UnsafeMutablePointer<AVCodecContext>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private var picture: UnsafeMutablePointer<AVFrame>?

    init(_ header: ImageHeader) throws(PictureError) {
        self.header = header
        do throws(MediaError) {
            ffmpeg = try FFmpeg()
        } catch {
            throw .library(error)
        }
        let codec =
            switch header.format {
            case .png: AV_CODEC_ID_PNG
            case .jpeg: AV_CODEC_ID_MJPEG
            case .webp: AV_CODEC_ID_WEBP
            }
        guard let decoder = unsafe ffmpeg.call.avcodec_find_decoder(codec) else { throw .noDecoder(header.format) }
        unsafe context = ffmpeg.call.avcodec_alloc_context3(decoder)
        unsafe packet = ffmpeg.call.av_packet_alloc()
        unsafe picture = ffmpeg.call.av_frame_alloc()
        guard let context = unsafe context else { throw noMemory }
        unsafe context.pointee.thread_count = 1
        // No larger picture than that of the header that was checked; libavcodec counts rows padded to its vectors.
        unsafe context.pointee.max_pixels = Int64((header.width + 63) / 64 * 64 * header.height)
        unsafe context.pointee.err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE
        unsafe context.pointee.discard_damaged_percentage = 0
        // Of libavcodec's transforms the one whose samples differ least from libjpeg's: by one level in 1.6% of them.
        unsafe context.pointee.idct_algo = FF_IDCT_FAAN
        try check(unsafe ffmpeg.call.avcodec_open2(context, decoder, nil))
    }

    deinit {
        unsafe ffmpeg.call.av_frame_free(&picture)
        unsafe ffmpeg.call.av_packet_free(&packet)
        unsafe ffmpeg.call.avcodec_free_context(&context)
    }

    /// - Parameter bytes: a file that holds a picture and nothing else.
    func decode(_ bytes: [UInt8], as model: ColourModel) throws(PictureError) -> Frame {
        guard let packet = unsafe packet, let picture = unsafe picture else { throw noMemory }
        // Padded with zeros, as decoders read ahead.
        try check(unsafe ffmpeg.call.av_new_packet(packet, Int32(bytes.count)))
        unsafe bytes.withUnsafeBytes { bytes in
            guard let source = bytes.baseAddress else { return }
            // Safe: the packet was made for as many bytes.
            unsafe packet.pointee.data.update(from: source.assumingMemoryBound(to: UInt8.self), count: bytes.count)
        }
        unsafe packet.pointee.flags |= AV_PKT_FLAG_KEY
        try check(unsafe ffmpeg.call.avcodec_send_packet(context, packet))
        try check(unsafe ffmpeg.call.avcodec_receive_frame(context, picture))
        guard unsafe Int(picture.pointee.width) == header.width, unsafe Int(picture.pointee.height) == header.height
        else { throw .damaged(header.format, "it holds a picture of another size than its header says") }
        return try unsafe DecodedPicture(picture, header).frame(model)
    }

    private var noMemory: PictureError { .noMemory(width: header.width, height: header.height) }

    private func check(_ status: Int32) throws(PictureError) {
        if status >= 0 { return }
        if status == cff_error_out_of_memory() { throw noMemory }
        if status == cff_error_not_implemented() {
            throw .header(.unsupported(header.format, kind: "a layout that FFmpeg does not know"))
        }
        // A packet with nothing in it, or less than a picture.
        let isShort = status == cff_error_again() || status == cff_error_end_of_file()
        throw .damaged(header.format, isShort ? "there is no picture in it" : ffmpeg.text(status).lowercased())
    }
}
