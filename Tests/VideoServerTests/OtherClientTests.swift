import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoServer

/// Clients as they are, other than openai's.
@Suite(.bounded) struct OtherClientTests {
    private static let node = Subprocess.find("node")
    private static let curl = Subprocess.find("curl")
    private static let key = "wk-0123456789abcdef0123456789abcdef"

    private func service() throws -> (service: TestService, folder: TemporaryFolder) {
        let folder = try TemporaryFolder()
        let keys = try TestService.secret("keys", "me \(Self.key)\n", in: folder)
        return (try TestService(key: Self.key) { $0.keyFile = keys }, folder)
    }

    @Test(.enabled(if: node != nil, "needs node"))
    func `node's own fetch orders, watches, fetches and deletes`() throws {
        let (service, _) = try service()
        let run = try Subprocess(
            #require(Self.node),
            [SourcePath.beside("node_client.mjs"), "http://127.0.0.1:\(service.service.port)", Self.key])
        try #require(run.status == 0, "\(run.errors)")
        for part in [
            #""form":[200,5]"#, #""empty_file":200"#, #""seed":"9223372036854775809""#, #""status":"completed""#,
            #""content":[200,"ftyp"]"#, #""events":true"#, #""deleted":200"#,
        ] { #expect(run.output.contains(part), "\(part): \(run.output)") }
    }

    @Test(.needs("curl"), arguments: ["text/plain", "text/plain; charset=utf-8"])
    func `curl's form fields may have types`(_ type: String) throws {
        let (service, _) = try service()
        let run = try Subprocess(
            #require(Self.curl),
            [
                "-s", "http://127.0.0.1:\(service.service.port)/v1/videos", "-H", "Authorization: Bearer \(Self.key)",
                "-F", "prompt=a cat;type=\(type)", "-F", "size=48x32", "-F", "num_frames=5;type=\(type)",
            ])
        #expect(run.status == 0 && run.output.contains(#""prompt": "a cat""#), "\(run.output)")
    }

    /// Byte for byte as their libraries write it.
    private static let forms: [(String, String, String)] = [
        (
            "OpenAI's Java client, over OkHttp", "multipart/form-data; boundary=b",
            """
            --b
            Content-Disposition: form-data; name="prompt"
            Content-Type: text/plain; charset=utf-8
            Content-Length: 5

            a cat
            --b
            Content-Disposition: form-data; name="seed"
            Content-Type: text/plain; charset=utf-8
            Content-Length: 1

            7
            --b--

            """
        ),
        (
            "Apache HttpClient, strict", "multipart/form-data; boundary=b",
            """
            --b
            Content-Disposition: form-data; name="prompt"
            Content-Type: text/plain; charset=ISO-8859-1
            Content-Transfer-Encoding: 8bit

            a cat
            --b
            Content-Disposition: form-data; name="seed"
            Content-Type: text/plain; charset=ISO-8859-1
            Content-Transfer-Encoding: 8bit

            7
            --b--

            """
        ),
        (
            ".NET's MultipartFormDataContent", "multipart/form-data; boundary=\"b\"",
            """
            --b
            Content-Type: text/plain; charset=utf-8
            Content-Disposition: form-data; name=prompt

            a cat
            --b
            Content-Type: text/plain; charset=utf-8
            Content-Disposition: form-data; name=seed

            7
            --b--

            """
        ),
        (
            "aiohttp's FormData", "multipart/form-data; boundary=b",
            """
            --b
            Content-Type: text/plain; charset=utf-8
            Content-Disposition: form-data; name="prompt"

            a cat
            --b
            Content-Type: text/plain; charset=utf-8
            Content-Disposition: form-data; name="seed"

            7
            --b--

            """
        ),
        (
            "with a preamble and an epilogue", "multipart/form-data; boundary=b",
            """
            This is a message with multiple parts in MIME format.
            --b
            Content-Disposition: form-data; name="prompt"

            a cat
            --b
            Content-Disposition: form-data; name="seed"

            7
            --b--
            This is the epilogue.
            """
        ),
    ]

    @Test(arguments: forms) func `forms as other clients write them are read`(
        _ client: String, _ type: String, _ text: String
    ) throws {
        let (service, _) = try service()
        let body = Array(text.replacing("\n", with: "\r\n").utf8)
        let answer = try service.ask("POST", "/v1/videos", [("Content-Type", type)], body: body)
        #expect(answer.status == 200, "\(client): \(answer.text)")
        #expect(answer["prompt"] == "a cat" && answer["seed"] == "7", "\(client): \(answer.text)")
    }
}
