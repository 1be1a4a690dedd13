import Compute
import TestTools
import Testing
import Weights

@Suite(.bounded) struct ManifestTests {
    private func manifest() throws -> Manifest {
        let folders = #filePath.split(separator: "/").dropLast(3)
        return try Manifest(MappedFile.open("/" + folders.joined(separator: "/") + "/weights-manifest.json"))
    }

    private func folder(index: String, transformer: String) -> ModelFolder {
        ModelFolder(
            files: [
                "model_index.json": HostBytes(Array(index.utf8)),
                "transformer/config.json": HostBytes(Array(transformer.utf8)),
            ], name: "m")
    }

    private let wan14B =
        #"{"num_layers":40,"num_attention_heads":40,"attention_head_dim":128,"in_channels":16,"eps":1e-06}"#

    @Test func `every model has settings that its own rules allow`() throws {
        let manifest = try manifest()
        #expect(manifest.models.count == 14)
        #expect(manifest.builtIn?.id == "built-in")
        for entry in manifest.models {
            let defaults = entry.defaults
            #expect(defaults.width % 16 == 0 && defaults.height % 16 == 0, "\(entry.id)")
            #expect(defaults.frames % 4 == 1 && defaults.fps > 0 && defaults.steps > 0, "\(entry.id)")
            #expect(defaults.samplePrompt?.isEmpty == false)
            #expect((entry.layout == .embedded) == (entry.match == nil))
            #expect(entry.id.hasPrefix("wan") == (defaults.flowShift != nil && entry.layout == .diffusers))
            #expect(entry.id.hasPrefix("wan") != defaults.negativePrompt.isEmpty)
        }
        #expect(manifest.unknown.flowShift == nil && manifest.unknown.negativePrompt.isEmpty)
    }

    @Test func `a folder is recognised by its numbers and gets the authors' flow shift`() throws {
        let manifest = try manifest()
        let one = folder(index: #"{"_class_name":"WanPipeline"}"#, transformer: wan14B)
        #expect(manifest.entry(matching: try Traits(one))?.id == "wan2.1-t2v-14b")
        let two = folder(
            index: #"{"_class_name":"WanPipeline","boundary_ratio":0.875,"expand_timesteps":false}"#,
            transformer: wan14B)
        let entry = try #require(manifest.entry(matching: try Traits(two)))
        #expect(entry.id == "wan2.2-t2v-a14b")
        #expect(entry.defaults.flowShift == 12 && entry.defaults.guidance == 4 && entry.defaults.guidance2 == 3)
        #expect(entry.defaults.negativePrompt.hasPrefix("色调艳丽，过曝，静态"))
    }

    @Test func `a licence that restricts the use says how, and a pin is read`() throws {
        let free: Set = ["Apache-2.0", "MIT"]
        for entry in try manifest().models {
            #expect((entry.licenceTerms == nil) == free.contains(entry.licence), "\(entry.id)")
            #expect(entry.pinned == nil)
        }
        let folders = #filePath.split(separator: "/").dropLast(3)
        let bytes = try MappedFile.open("/" + folders.joined(separator: "/") + "/weights-manifest.json")
        let text = String(decoding: bytes.copied, as: UTF8.self)
        let pin =
            #""pinned": {"revision": "abc", "files": {"vae/config.json": "def"}}, "repository": "THUDM/CogVideoX-2b""#
        let pinned = text.replacing(#""repository": "THUDM/CogVideoX-2b""#, with: pin)
        let entry = try Manifest(HostBytes(Array(pinned.utf8))).entry(named: "cogvideox-2b")
        #expect(entry?.pinned == Manifest.Pin(revision: "abc", files: ["vae/config.json": "def"]))
    }

    @Test func `an unknown folder matches nothing`() throws {
        let tiny = folder(
            index: #"{"_class_name":"WanPipeline"}"#,
            transformer: #"{"num_layers":2,"num_attention_heads":3,"attention_head_dim":12,"in_channels":16}"#)
        #expect(try manifest().entry(matching: Traits(tiny)) == nil)
    }

    @Test func `a model is found by id and by repository`() throws {
        let manifest = try manifest()
        #expect(manifest.entry(named: "Wan2.2-TI2V-5B")?.id == "wan2.2-ti2v-5b")
        #expect(manifest.entry(named: "THUDM/CogVideoX-5b")?.status == .exactOnTinyModels)
        #expect(manifest.entry(named: "wan2.2-ti2v-5B-diffusers")?.id == "wan2.2-ti2v-5b")
        #expect(manifest.entry(named: "nothing") == nil && manifest.entry(named: "Diffusers") == nil)
    }

    @Test func `a manifest with an id twice or an unknown negative prompt is refused`() {
        func open(_ models: String) -> WeightError? {
            let defaults =
                #"{"width":64,"height":64,"frames":17,"fps":8,"steps":2,"guidance":1,"negative_prompt":"none"}"#
            let text =
                #"{"version":1,"negative_prompts":{"none":""},"unknown":\#(defaults),"models":[\#(models)]}"#
            return failure { () throws(WeightError) in _ = try Manifest(HostBytes(Array(text.utf8))) }
        }
        func entry(_ prompt: String) -> String {
            #"{"id":"a","task":"text-to-video","layout":"diffusers","licence":"x","components":{},"status":"#
                + #""not-supported","defaults":{"width":64,"height":64,"frames":17,"fps":8,"steps":2,"guidance":1,"#
                + #""negative_prompt":"\#(prompt)"}}"#
        }
        #expect(open(entry("none")) == nil)
        #expect(open(entry("none") + "," + entry("none"))?.message.contains("'models.id'") == true)
        #expect(open(entry("some"))?.message.contains("a.negative_prompt") == true)
    }
}
