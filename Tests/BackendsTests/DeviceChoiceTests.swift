import Backends
import TestTools
import Testing
import VideoTypes

@Suite(.bounded) struct DeviceChoiceTests {
    @Test func `devices are taken by name and number, and written as they are read`() throws {
        let names = [("auto", DeviceChoice.automatic), ("cpu", .cpu), ("cuda", .cuda(0)), ("cuda:7", .cuda(7))]
        for (name, choice) in names {
            #expect(try DeviceChoice(name) == choice)
            #expect(try DeviceChoice("\(choice)") == choice)
        }
        #expect(try DeviceChoice(nil) == .automatic)
    }

    @Test(arguments: [
        "", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:1000", "cuda:1x", "cuda:１", "cuda:99999999999999999999",
    ])
    func `other words are refused`(_ text: String) {
        let error = #expect(throws: VideoError.self) { try DeviceChoice(text) }
        #expect(error?.code == .invalidRequest)
    }
}
