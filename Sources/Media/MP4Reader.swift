import CFFmpeg
package import VideoTypes

/// What a clip says about itself and what decoding it shows.
package struct ClipFacts: Equatable, Sendable {
    package let width: Int
    package let height: Int
    /// Frames that were really decoded.
    package let frames: Int
    /// As a fraction: "16/1".
    package let frameRate: String
    package let durationSeconds: Double
    package let codec: String
    package let hasAudio: Bool
}

/// Reads a clip from the start to the end, once.
@safe package final class MP4Reader {
    private let ffmpeg: FFmpeg
    private let path: String
    private var container: UnsafeMutablePointer<AVFormatContext>?
    private var decoder: UnsafeMutablePointer<AVCodecContext>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private var picture: UnsafeMutablePointer<AVFrame>?
    private var codecName = ""

    package init(path: String) throws(MediaError) {
        ffmpeg = try FFmpeg()
        self.path = path
        try MP4Boxes.check(path)
        let status = unsafe ffmpeg.call.avformat_open_input(&container, "file:" + path, nil, nil)
        try ffmpeg.check(status, "avformat_open_input")
        let found = unsafe ffmpeg.call.avformat_find_stream_info(container, nil)
        try ffmpeg.check(found, "avformat_find_stream_info")
        unsafe packet = try ffmpeg.allocated(ffmpeg.call.av_packet_alloc(), "av_packet_alloc")
        unsafe picture = try ffmpeg.allocated(ffmpeg.call.av_frame_alloc(), "av_frame_alloc")
        try openDecoder()
    }

    deinit {
        unsafe ffmpeg.call.av_frame_free(&picture)
        unsafe ffmpeg.call.av_packet_free(&packet)
        unsafe ffmpeg.call.avcodec_free_context(&decoder)
        unsafe ffmpeg.call.avformat_close_input(&container)
    }

    /// Decodes the clip and counts.
    package func facts() throws(MediaError) -> ClipFacts {
        var frames = 0
        var size = (width: 0, height: 0)
        try unsafe decode { picture throws(MediaError) in
            frames += 1
            size = unsafe (Int(picture.pointee.width), Int(picture.pointee.height))
            return true
        }
        guard let stream = unsafe stream else { throw .notAClip(path: path, reason: "no video stream") }
        let rate = unsafe stream.pointee.avg_frame_rate
        let base = unsafe stream.pointee.time_base
        let duration = unsafe Double(stream.pointee.duration) * Double(base.num) / Double(base.den)
        return ClipFacts(
            width: size.width, height: size.height, frames: frames, frameRate: "\(rate.num)/\(rate.den)",
            durationSeconds: duration, codec: codecName, hasAudio: hasAudio)
    }

    /// Decodes the clip into frames, handed over in order.
    package func forEachFrame(_ body: (Frame) throws(MediaError) -> Void) throws(MediaError) {
        var converter: ColourConverter?
        try unsafe decode { picture throws(MediaError) in
            try body(try unsafe frame(of: picture, fittedInto: .max, &converter))
            return true
        }
    }

    /// The frames of some ascending indices, each fitted into a square of `side`; the rest of the clip is not read.
    ///
    /// Indices beyond the clip's end are left out.
    package func frames(at indices: [Int], fittedInto side: Int) throws(MediaError) -> [Frame] {
        var wanted = indices[...]
        var frames: [Frame] = []
        var converter: ColourConverter?
        var index = 0
        try unsafe decode { picture throws(MediaError) in
            if index == wanted.first {
                wanted.removeFirst()
                frames.append(try unsafe frame(of: picture, fittedInto: side, &converter))
            }
            index += 1
            return !wanted.isEmpty
        }
        return frames
    }

    /// What the container says, which only decoding proves; 0 where it says nothing.
    var announcedFrames: Int { unsafe stream.map { unsafe Int(UInt32(clamping: $0.pointee.nb_frames)) } ?? 0 }

    private func frame(
        of picture: UnsafeMutablePointer<AVFrame>, fittedInto side: Int, _ converter: inout ColourConverter?
    ) throws(MediaError) -> Frame {
        let (width, height) = unsafe (Int(picture.pointee.width), Int(picture.pointee.height))
        let planes = unsafe ColourConverter.Planes(
            format: AVPixelFormat(picture.pointee.format), isJPEG: picture.pointee.color_range == AVCOL_RANGE_JPEG)
        let size = FittedSize(width: width, height: height, side: side)
        let direction = ColourConverter.Direction.toRGB(planes, width: size.width, height: size.height)
        // A stream may change its size on the way.
        let fitting: ColourConverter
        if let converter, converter.converts(width: width, height: height, direction) {
            fitting = converter
        } else {
            fitting = try ColourConverter(ffmpeg, width: width, height: height, direction)
            converter = fitting
        }
        return unsafe fitting.convert(picture, width: size.width, height: size.height)
    }

    /// The value of a metadata key such as "comment".
    package func metadata(_ key: String) -> String? {
        guard let entry = unsafe ffmpeg.call.av_dict_get(container?.pointee.metadata, key, nil, 0) else { return nil }
        return unsafe String(cString: entry.pointee.value)
    }

    private var stream: UnsafeMutablePointer<AVStream>? {
        guard let container = unsafe container, unsafe container.pointee.nb_streams > 0 else { return nil }
        return unsafe container.pointee.streams[0]
    }

    private var hasAudio: Bool {
        guard let container = unsafe container else { return false }
        return unsafe (0..<Int(container.pointee.nb_streams)).contains { index in
            unsafe container.pointee.streams[index]?.pointee.codecpar?.pointee.codec_type == AVMEDIA_TYPE_AUDIO
        }
    }

    private func openDecoder() throws(MediaError) {
        guard let parameters = unsafe stream?.pointee.codecpar,
            unsafe parameters.pointee.codec_type == AVMEDIA_TYPE_VIDEO
        else { throw .notAClip(path: path, reason: "its first stream is not video") }
        guard let codec = unsafe ffmpeg.call.avcodec_find_decoder(parameters.pointee.codec_id) else {
            throw .notAClip(path: path, reason: "FFmpeg has no decoder for it")
        }
        codecName = unsafe String(cString: codec.pointee.name)
        unsafe decoder = try ffmpeg.allocated(ffmpeg.call.avcodec_alloc_context3(codec), "avcodec_alloc_context3")
        let status = unsafe ffmpeg.call.avcodec_parameters_to_context(decoder, parameters)
        try ffmpeg.check(status, "avcodec_parameters_to_context")
        unsafe decoder?.pointee.max_pixels = Int64(ImageHeader.maxPixels)
        try ffmpeg.check(unsafe ffmpeg.call.avcodec_open2(decoder, codec, nil), "avcodec_open2")
    }

    /// Hands over the pictures in order until `body` has had enough.
    private func decode(_ body: (UnsafeMutablePointer<AVFrame>) throws(MediaError) -> Bool) throws(MediaError) {
        guard let packet = unsafe packet else { return }
        while true {
            let status = unsafe ffmpeg.call.av_read_frame(container, packet)
            if status == cff_error_end_of_file() { break }
            try ffmpeg.check(status, "av_read_frame")
            defer { unsafe ffmpeg.call.av_packet_unref(packet) }
            guard unsafe packet.pointee.stream_index == 0 else { continue }
            try ffmpeg.check(unsafe ffmpeg.call.avcodec_send_packet(decoder, packet), "avcodec_send_packet")
            guard try unsafe receive(body) else { return }
        }
        try ffmpeg.check(unsafe ffmpeg.call.avcodec_send_packet(decoder, nil), "avcodec_send_packet")
        _ = try unsafe receive(body)
    }

    private func receive(
        _ body: (UnsafeMutablePointer<AVFrame>) throws(MediaError) -> Bool
    ) throws(MediaError) -> Bool {
        guard let picture = unsafe picture else { return false }
        while true {
            let status = unsafe ffmpeg.call.avcodec_receive_frame(decoder, picture)
            if status == cff_error_again() || status == cff_error_end_of_file() { return true }
            try ffmpeg.check(status, "avcodec_receive_frame")
            guard try unsafe body(picture) else { return false }
        }
    }
}
