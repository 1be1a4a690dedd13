import Compute
import ComputeCPU
import FoundationEssentials
import Sampling
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines

/// Each field that a scheduler's file may have, with an odd value, and what Diffusers makes of it.
@Suite(.bounded) struct SchedulerFieldTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let number: Int
        /// The file.
        let text: String
        let testDescription: String
        let outcome: String
    }

    private static let cases: [Case] = {
        guard let data = try? Data(contentsOf: URL(filePath: Fixture.path("scheduler-fields.json"))) else { return [] }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst().dropLast()
        return lines.enumerated().map { number, line in
            var text = line.hasSuffix(",") ? String(line.dropLast()) : String(line)
            let config = text.firstRange(of: "\"config\": ").map { text[$0.upperBound...] } ?? ""
            let end = config.firstIndex(of: "}") ?? config.endIndex
            let outcome = ["same", "other", "none"].first { text.contains("\"outcome\": \"\($0)\"") } ?? ""
            let changed = text.prefix { $0 != "]" }.drop { $0 != "[" }.dropFirst()
            let file = end < config.endIndex ? String(config[...end]) : ""
            let kind = file.firstRange(of: "\"_class_name\": \"").map { file[$0.upperBound...].prefix(8) } ?? ""
            text = file
            return Case(number: number, text: text, testDescription: "\(kind) \(changed)", outcome: outcome)
        }
    }()

    private static func scheduler(_ text: String) throws -> FolderScheduler {
        let files = ["scheduler/scheduler_config.json": HostBytes(Array(text.utf8))]
        return try FolderScheduler(ModelFolder(files: files, name: "m"))
    }

    private static let golden = Result {
        let path = Fixture.path("scheduler-fields.safetensors")
        return try Safetensors(MappedFile.open(path), file: path)
    }

    private static let steps = 5

    private static func schedule(_ scheduler: FolderScheduler) throws -> Schedule {
        try Schedule(
            #require(scheduler.kind), steps: steps, shift: scheduler.shift, shape: scheduler.shape,
            trainTimesteps: scheduler.trainTimesteps)
    }

    @Test func `every class and field has been tried`() {
        #expect(Self.cases.count == 183)
        #expect(
            ["same", "other", "none"].map { outcome in Self.cases.count { $0.outcome == outcome } } == [117, 38, 28])
    }

    @Test(arguments: cases)
    func `a field is done, harmless or refused by name`(one: Case) throws {
        let scheduler = try Self.scheduler(one.text)
        if let refusal = scheduler.refusal {
            // What makes no difference is taken; what Diffusers cannot do is not done here either.
            #expect(one.outcome != "same")
            guard case .config(_, let field, _, _) = refusal else {
                Issue.record("\(refusal)")
                return
            }
            #expect(one.text.contains("\"\(field.prefix { $0 != "," })\""), "\(refusal)")
            return
        }
        #expect(one.outcome != "none")
        let schedule = try Self.schedule(scheduler)
        if one.outcome == "same" {
            let name = try #require(Self.className(one.text))
            let plain = try Self.scheduler(#"{"_class_name":"\#(name)",\#(Self.base)}"#)
            #expect(try schedule == Self.schedule(plain))
        } else {
            try expect(schedule, scheduler, isAsIn: one.number)
        }
    }

    private static let base =
        #""prediction_type":"flow_prediction","use_flow_sigmas":true,"flow_shift":3.0,"shift":3.0"#

    private static func className(_ text: String) -> Substring? {
        text.firstRange(of: "\"_class_name\": \"").map { text[$0.upperBound...].prefix { $0 != "\"" } }
    }

    private func expect(_ schedule: Schedule, _ scheduler: FolderScheduler, isAsIn number: Int) throws {
        let golden = try Self.golden.get()
        let expected = try golden.tensor("\(number).latents").bytes.floats
        // Powers and logarithms of two libraries may differ in their last bit.
        for (name, found) in [("sigmas", schedule.sigmas), ("timesteps", schedule.timesteps)] {
            let values = try golden.tensor("\(number).\(name)").bytes.floats
            #expect(Deviation(found, from: values).relative < 1e-7, "\(name): \(found), should be \(values)")
        }
        let backend = try CPUBackend(threads: 1)
        var noise = TorchRandomSource(seed: 7)
        let latents = try backend.upload(noise.normals(16), [1, 16])
        var solver = try #require(scheduler.kind).solver(schedule)
        for index in 0..<Self.steps {
            try solver.step(
                index, output: backend.upload(noise.normals(16), [1, 16]), latents: latents, noise: noNoise, on: backend
            )
            let step = Array(expected[index * 16..<index * 16 + 16])
            #expect(Deviation(try backend.download(latents), from: step).relative < 1e-5, "step \(index)")
        }
    }

    @Test(arguments: [
        (#"{"_class_name":"FlowUniPCMultistepScheduler","num_train_timesteps":1000,"shift":5.0}"#, "_class_name", 5.0),
        (#"{"_class_name":"UniPCMultistepScheduler","flow_shift":5}"#, "prediction_type", 5),
        (#"{"_class_name":"FlowMatchEulerDiscreteScheduler","shift":7,"new_field":true}"#, "new_field", 7),
        (#"{"_class_name":"FlowMatchEulerDiscreteScheduler","shift":0}"#, "shift", 1),
    ])
    func `a refusal names the field, and another scheduler may take its place`(
        text: String, field: String, shift: Double
    ) throws {
        let scheduler = try Self.scheduler(text)
        #expect(scheduler.refusal?.message.contains("'\(field)'") == true, "\(String(describing: scheduler.refusal))")
        #expect(scheduler.shift == shift && scheduler.shape == Schedule.Shape())
    }

    @Test func `the classes are named in full`() throws {
        let message = try Self.scheduler(#"{"_class_name":"X"}"#).refusal?.message
        for name in ["UniPCMultistepScheduler", "FlowMatchEulerDiscreteScheduler", "DPMSolverMultistepScheduler"] {
            #expect(message?.contains(name) == true)
        }
    }
}

extension FolderScheduler {
    fileprivate var refusal: WeightError? {
        if case .failure(let refusal) = own { refusal } else { nil }
    }
}
