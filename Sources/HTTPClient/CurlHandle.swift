import CCurl
import Glibc

/// One handle with the connections it keeps open.
// Safe: used by one thread at a time, the one that took it out of the client's pool.
@safe final class CurlHandle: @unchecked Sendable {
    let curl: Curl
    private let handle: UnsafeMutableRawPointer
    private var lists: [UnsafeMutablePointer<curl_slist>] = unsafe []
    private var form: OpaquePointer?

    init() throws(HTTPClientError) {
        curl = try Curl()
        guard let handle = unsafe curl.call.curl_easy_init() else {
            throw .libraryMissing(name: "libcurl.so.4", reason: "it gives no handle")
        }
        unsafe self.handle = handle
    }

    deinit {
        forget()
        unsafe curl.call.curl_easy_cleanup(handle)
    }

    /// Forgets the call, its headers and its body; connections stay.
    func forget() {
        unsafe curl.call.curl_easy_reset(handle)
        while let list = unsafe lists.popLast() { unsafe curl.call.curl_slist_free_all(list) }
        unsafe curl.call.curl_mime_free(form)
        unsafe form = nil
    }

    func set(_ option: CURLoption, _ value: Int) throws(HTTPClientError) {
        try check(unsafe ccurl_set_number(curl.pointer, handle, option, value))
    }

    func set(_ option: CURLoption, size: Int) throws(HTTPClientError) {
        try check(unsafe ccurl_set_size(curl.pointer, handle, option, curl_off_t(size)))
    }

    func set(_ option: CURLoption, _ text: String) throws(HTTPClientError) {
        guard !text.utf8.contains(0) else { throw .invalidCall("a text holds a zero byte") }
        try check(unsafe ccurl_set_text(curl.pointer, handle, option, text))
    }

    func set(_ option: CURLoption, milliseconds seconds: Double) throws(HTTPClientError) {
        // 0 would mean no limit.
        try set(option, Int((min(max(seconds, 0.001), 1_000_000) * 1000).rounded(.up)))
    }

    func set(_ option: CURLoption, list texts: [String]) throws(HTTPClientError) {
        var list: UnsafeMutablePointer<curl_slist>?
        for text in texts {
            guard let longer = unsafe curl.call.curl_slist_append(list, text) else {
                unsafe curl.call.curl_slist_free_all(list)
                throw .invalidCall("out of memory")
            }
            unsafe list = longer
        }
        guard let list = unsafe list else { return }
        unsafe lists.append(list)
        try check(unsafe ccurl_set_pointer(curl.pointer, handle, option, list))
    }

    /// Copies the bytes.
    func set(body bytes: [UInt8]) throws(HTTPClientError) {
        try set(CURLOPT_POST, 1)
        try set(CURLOPT_POSTFIELDSIZE_LARGE, size: bytes.count)
        let code = unsafe bytes.withUnsafeBytes { buffer in
            // Without an address there is nothing to copy, and a null pointer would mean reading from a function.
            guard let base = buffer.baseAddress else {
                return unsafe ccurl_set_text(curl.pointer, handle, CURLOPT_COPYPOSTFIELDS, "")
            }
            return unsafe ccurl_set_pointer(curl.pointer, handle, CURLOPT_COPYPOSTFIELDS, base)
        }
        try check(code)
    }

    /// Copies the parts.
    func set(form parts: [HTTPCall.FormPart]) throws(HTTPClientError) {
        guard let form = unsafe curl.call.curl_mime_init(handle) else { throw .invalidCall("out of memory") }
        unsafe self.form = form
        for part in parts {
            let texts = [part.name, part.fileName ?? "", part.mediaType ?? ""]
            guard texts.allSatisfy({ !$0.utf8.contains { $0 < 0x20 || $0 == 0x7F } }) else {
                throw .invalidCall("a name in the form holds a control character")
            }
            guard let entry = unsafe curl.call.curl_mime_addpart(form) else { throw .invalidCall("out of memory") }
            try check(unsafe curl.call.curl_mime_name(entry, part.name))
            if let fileName = part.fileName { try check(unsafe curl.call.curl_mime_filename(entry, fileName)) }
            if let mediaType = part.mediaType { try check(unsafe curl.call.curl_mime_type(entry, mediaType)) }
            let code = unsafe part.bytes.withUnsafeBufferPointer { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
                    // No address: the part stays empty.
                    unsafe characters.baseAddress.map { unsafe curl.call.curl_mime_data(entry, $0, characters.count) }
                }
            }
            try check(code ?? CURLE_OK)
        }
        try check(unsafe ccurl_set_pointer(curl.pointer, handle, CURLOPT_MIMEPOST, UnsafeRawPointer(form)))
    }

    /// Runs the call that has been set; the transfer hears of everything that comes.
    func perform(_ transfer: Transfer) throws(HTTPClientError) {
        let context = unsafe Unmanaged.passUnretained(transfer).toOpaque()
        let code = try withExtendedLifetime(transfer) { () throws(HTTPClientError) -> CURLcode in
            try check(
                unsafe ccurl_set_callbacks(
                    curl.pointer, handle, Transfer.receiveHeader, Transfer.receiveBody, Transfer.watch, context))
            var gate = unsafe CCurlGate(admits: Transfer.admit, context: context)
            return try unsafe withUnsafePointer(to: &gate) { gate throws(HTTPClientError) in
                try check(unsafe ccurl_set_gate(curl.pointer, handle, gate))
                return unsafe ccurl_perform(curl.pointer, handle)
            }
        }
        let wasConnected = unsafe ccurl_was_connected(curl.pointer, handle) != 0
        if let failure = transfer.failure { throw failure }
        switch code {
        case CURLE_OK: return
        case CURLE_OPERATION_TIMEDOUT: throw .timedOut(mayHaveBeenSent: wasConnected)
        case _ where wasConnected: throw .interrupted(curl.text(code))
        default: throw .unreachable(curl.text(code))
        }
    }

    private func check(_ code: CURLcode) throws(HTTPClientError) {
        guard code != CURLE_OK else { return }
        guard code == CURLE_UNKNOWN_OPTION else { throw .invalidCall(curl.text(code)) }
        throw .libraryMissing(name: "libcurl.so.4", reason: "it is older than 7.85")
    }
}
