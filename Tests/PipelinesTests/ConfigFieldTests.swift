import Compute
import FoundationEssentials
import Models
import StrictJSON
import TestSupport
import TestTools
import Testing
import Tokenizers
import VideoTypes
import Weights

@testable import Pipelines

/// What the configurations of a folder may say, and what is taken where they say nothing.
@Suite(.bounded) struct ConfigFieldTests {
    private static let reference = Result {
        try JSONValue(Array(Data(contentsOf: URL(filePath: Fixture.path("class-defaults.json")))))
    }

    /// A part of the reference.
    private static func part(_ path: [String], of whole: JSONValue? = nil) throws -> JSONValue {
        var value = try whole ?? reference.get()
        for name in path { value = try #require(try members(of: value)[Array(name.utf8)]) }
        return value
    }

    /// The reference has another shape than is read here.
    private struct OtherShape: Error {
        let value: JSONValue
    }

    private static func members(of value: JSONValue) throws -> [[UInt8]: JSONValue] {
        guard case .object(let members) = value else { throw OtherShape(value: value) }
        return members
    }

    private static func list(_ value: JSONValue) throws -> [JSONValue] {
        guard case .array(let values) = value else { throw OtherShape(value: value) }
        return values
    }

    private static func word(_ value: JSONValue) throws -> String {
        guard case .string(let word) = value else { throw OtherShape(value: value) }
        return word
    }

    /// The same as JSON text.
    private static func text(_ path: String...) throws -> String { try part(path).text }

    private static func config<T: Decodable>(_ text: String, as type: T.Type, _ table: FieldTable) throws -> String {
        let folder = ModelFolder(files: ["config.json": HostBytes(Array(text.utf8))], name: "m")
        return "\(try folder.config("config.json", as: type, table))"
    }

    @Test func `what a configuration leaves out is what the reference's class takes`() throws {
        #expect(
            try Self.config("{}", as: WanTransformerConfig.self, WanTransformerConfig.fields)
                == Self.config(Self.text("transformer"), as: WanTransformerConfig.self, WanTransformerConfig.fields))
        #expect(
            try Self.config("{}", as: WanVAEConfig.self, WanVAEConfig.fields)
                == Self.config(Self.text("vae"), as: WanVAEConfig.self, WanVAEConfig.fields))
        #expect(
            try Self.config("{}", as: T5Config.self, T5Config.fields)
                == Self.config(Self.text("umt5"), as: T5Config.self, T5Config.fields))
        #expect(
            try Self.config("{}", as: CogVideoXTransformerConfig.self, CogVideoXTransformerConfig.fields)
                == Self.config(
                    Self.text("cogvideox_transformer"), as: CogVideoXTransformerConfig.self,
                    CogVideoXTransformerConfig.fields))
        #expect(
            try Self.config("{}", as: CogVideoXVAEConfig.self, CogVideoXVAEConfig.fields)
                == Self.config(Self.text("cogvideox_vae"), as: CogVideoXVAEConfig.self, CogVideoXVAEConfig.fields))
        #expect(
            try Self.config("{}", as: CLIPVisionConfig.self, CLIPVisionConfig.fields)
                == Self.config(Self.text("clip"), as: CLIPVisionConfig.self, CLIPVisionConfig.fields))
        // T5's own default is a layer that is not done here: it is decoded, and refused by name.
        let t5 = try Self.config(#"{"model_type": "t5"}"#, as: T5Config.self, T5Config.fields)
        #expect(t5.contains(#"feedForwardProj: "relu""#) && t5.contains("vocabSize: 32128"))
        #expect(throws: WeightError.self) {
            try Self.config(Self.text("t5"), as: T5Config.self, T5Config.fields)
        }
    }

    @Test(arguments: ["cogvideox_ddim", "cogvideox_dpm"])
    func `what a diffusion's scheduler leaves out is what the reference's class takes`(_ name: String) throws {
        func scheduler(_ text: String) throws -> CogVideoXScheduler {
            let files = ["scheduler/scheduler_config.json": HostBytes(Array(text.utf8))]
            return try CogVideoXScheduler(ModelFolder(files: files, name: "m"))
        }
        #expect(try scheduler("{}").training == scheduler(Self.text(name)).training)
        for (field, value) in [
            ("beta_schedule", "\"linear\""), ("trained_betas", "[0.1]"), ("steps_offset", "1"), ("new", "1"),
            ("prediction_type", "\"x\""), ("timestep_spacing", "\"x\""), ("beta_end", "2"),
        ] {
            let error = #expect(throws: WeightError.self) { try scheduler("{\"\(field)\": \(value)}") }
            #expect("\(String(describing: error))".contains(field), "\(field)")
        }
    }

    @Test func `fields that change nothing are taken, whatever they hold`() throws {
        #expect(
            try Self.config(Self.text("harmless", "text_encoder"), as: T5Config.self, T5Config.fields)
                == Self.config("{}", as: T5Config.self, T5Config.fields))
        #expect(
            try Self.config(Self.text("harmless", "vae"), as: WanVAEConfig.self, WanVAEConfig.fields)
                == Self.config("{}", as: WanVAEConfig.self, WanVAEConfig.fields))
        #expect(
            try Self.config(Self.text("harmless", "image_encoder"), as: CLIPVisionConfig.self, CLIPVisionConfig.fields)
                == Self.config("{}", as: CLIPVisionConfig.self, CLIPVisionConfig.fields))
    }

    @Test func `whatever is passed over was tried with the reference`() throws {
        for (name, table) in [
            ("text_encoder", T5Config.fields), ("vae", WanVAEConfig.fields), ("image_encoder", CLIPVisionConfig.fields),
            ("cogvideox_transformer", CogVideoXTransformerConfig.fields), ("cogvideox_vae", CogVideoXVAEConfig.fields),
            ("cogvideox_scheduler", CogVideoXScheduler.fields), ("image_processor", CLIPProcessorConfig.fields),
            ("tokenizer", Tokenizer.fields),
        ] {
            let members = try Self.members(of: Self.part(["harmless", name]))
            let tried = Set(members.keys.map { String(decoding: $0, as: UTF8.self) })
            #expect(table.harmless == tried, "\(name): \(table.harmless.symmetricDifference(tried))")
        }
    }

    @Test func `words that a file makes special tokens are cut out of a text, and fill it up`() throws {
        let cases = try Self.list(Self.part(["special_tokens"]))
        let texts = try Self.list(Self.part(["texts"])).map(Self.word)
        #expect(cases.count == 9 && texts.count == 4)
        for one in cases {
            let file = try Self.word(Self.part(["file"], of: one))
            let tokenizer = try Self.tokenizer([file: try Self.part(["content"], of: one).text])
            let ids = texts.map { text in
                let own = tokenizer.encode(text, maximumLength: 40)
                return (own + [Int32](repeating: tokenizer.padID, count: 40 - own.count)).map(String.init)
                    .joined(separator: " ")
            }
            #expect(try ids == Self.list(Self.part(["ids"], of: one)).map(Self.word), "\(one.text)")
        }
    }

    @Test(arguments: [
        ("tokenizer_config.json", #"{"mask_token": "[MASK]"}"#, "mask_token"),
        ("tokenizer_config.json", #"{"extra_special_tokens": {"x": "strange"}}"#, "extra_special_tokens"),
        ("tokenizer_config.json", #"{"eos_token": "<s>"}"#, "eos_token"),
        ("tokenizer_config.json", #"{"split_special_tokens": true}"#, "split_special_tokens"),
        ("special_tokens_map.json", #"{"pad_token": {"content": "strange"}}"#, "pad_token"),
        ("added_tokens.json", #"{"strange": 900}"#, "strange"),
    ]) func `a special token that the model has no place for is refused by name`(
        file: String, text: String, field: String
    ) throws {
        let error = #expect(throws: WeightError.self) { try Self.tokenizer([file: text]) }
        #expect(error?.message.contains("m/tokenizer/\(file): field '\(field)' must be") == true, "\(error as Any)")
    }

    private static func tokenizer(_ files: [String: String]) throws -> Tokenizer {
        let json = try ModelFolder(path: Fixture.model("wan21-t2v")).bytes("tokenizer/tokenizer.json")
        var all = ["tokenizer/tokenizer.json": json]
        for (name, text) in files { all["tokenizer/\(name)"] = HostBytes(Array(text.utf8)) }
        return try Tokenizer(ModelFolder(files: all, name: "m"))
    }

    /// A folder of which one configuration is changed.
    private static func failure(
        _ file: String, of model: String = "wan21-t2v", _ change: (String) -> String
    ) throws -> VideoError? {
        let original = try ModelFolder(path: Fixture.model(model))
        var files: [String: HostBytes] = [:]
        for component in ["", "text_encoder", "transformer", "vae", "scheduler", "tokenizer"] {
            for name in original.names(in: component) {
                let inside = component.isEmpty ? name : "\(component)/\(name)"
                if let bytes = try? original.bytes(inside) { files[inside] = bytes }
            }
        }
        let text = String(decoding: try #require(files[file]).copied, as: UTF8.self)
        files[file] = HostBytes(Array(change(text).utf8))
        do throws(VideoError) {
            _ = try Families.open(ModelFolder(files: files, name: "m"))
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        ("model_index.json", #""image_encoder": ["transformers", "CLIPVisionModel"]"#, "image_encoder"),
        ("model_index.json", #""new": 1"#, "new"), ("transformer/config.json", #""quantization_config": {}"#, "quant"),
        ("transformer/config.json", #""pos_embed_seq_len": 514"#, "pos_embed_seq_len"),
        ("vae/config.json", #""new": false"#, "new"),
        ("text_encoder/config.json", #""quantization_config": {}"#, "quantization_config"),
        ("text_encoder/config.json", #""is_decoder": true"#, "is_decoder"),
        ("text_encoder/config.json", #""dense_act_fn": "relu""#, "dense_act_fn"),
        ("tokenizer/tokenizer_config.json", #""padding_side": "left""#, "padding_side"),
        ("tokenizer/tokenizer_config.json", #""truncation_side": "left""#, "truncation_side"),
        ("tokenizer/tokenizer_config.json", #""do_lower_case": true"#, "do_lower_case"),
        ("tokenizer/tokenizer_config.json", #""new": 1"#, "new"),
    ])
    func `a field that could change the clip is refused by name`(file: String, field: String, name: String) throws {
        let key = field.prefix { $0 != ":" }
        let error = try Self.failure(file) { text in
            let lines = text.split(separator: "\n").filter { !$0.contains(key + ":") || $0.hasSuffix("{") }
            return lines.joined(separator: "\n").replacing("{", with: "{\(field),", maxReplacements: 1)
        }
        #expect(error?.code == .weightsInvalid)
        #expect(error?.message.contains("m/\(file): field '\(name)") == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("model_index.json", "\"new\": 1", "new"), ("transformer/config.json", "\"new\": 1", "new"),
        ("transformer/config.json", "\"activation_fn\": \"gelu\"", "activation_fn"),
        ("transformer/config.json", "\"norm_elementwise_affine\": false", "norm_elementwise_affine"),
        ("transformer/config.json", "\"in_channels\": 5", "in_channels"),
        ("transformer/config.json", "\"ofs_embed_dim\": 24", "ofs_embed_dim"),
        ("transformer/config.json", "\"use_learned_positional_embeddings\": true", "use_learned_positional_embeddings"),
        ("transformer/config.json", "\"attention_head_dim\": 12", "attention_head_dim"),
        ("vae/config.json", "\"use_quant_conv\": true", "use_quant_conv"),
        ("vae/config.json", "\"temporal_compression_ratio\": 3", "temporal_compression_ratio"),
        ("vae/config.json", "\"norm_num_groups\": 3", "block_out_channels"),
        ("vae/config.json", "\"act_fn\": \"relu\"", "act_fn"),
    ])
    func `a field of CogVideoX that could change the clip is refused by name`(
        file: String, field: String, name: String
    ) throws {
        let key = field.prefix { $0 != ":" }
        let error = try Self.failure(file, of: "cogvideox-2b") { text in
            let lines = text.split(separator: "\n").filter { !$0.contains(key + ":") || $0.hasSuffix("{") }
            return lines.joined(separator: "\n").replacing("{", with: "{\(field),", maxReplacements: 1)
                .replacing(",\n}", with: "\n}")
        }
        #expect(error?.code == .weightsInvalid)
        #expect(error?.message.contains("m/\(file): field '\(name)") == true, "\(String(describing: error))")
    }

    @Test func `a folder of another pipeline says what it is for`() throws {
        let error = try Self.failure("model_index.json") {
            $0.replacing("WanPipeline", with: "SkyReelsImageToVideoPipeline")
        }
        #expect(
            error?.message
                == "m: a folder for SkyReelsImageToVideoPipeline, image to video, which is not supported yet")
        #expect(error?.hint?.contains("wan-infer models") == true)
        let other = try Self.failure("model_index.json") {
            $0.replacing("WanTransformer3DModel", with: "WanVACETransformer3DModel")
        }
        #expect(other?.message.contains("'transformer' must be WanTransformer3DModel") == true)
    }

    @Test func `the index says who reads a part's file`() throws {
        let other = try Self.failure("model_index.json") {
            $0.replacing("T5TokenizerFast", with: "LlamaTokenizerFast")
        }
        #expect(other?.message.contains("m/model_index.json: field 'tokenizer' must be T5Tokenizer or ") == true)
        func files(_ index: String, _ file: String) -> ModelFolder {
            ModelFolder(
                files: [
                    "model_index.json": HostBytes(Array(#"{"scheduler": ["diffusers", \#(index)]}"#.utf8)),
                    "scheduler/scheduler_config.json": HostBytes(Array(#"{"_class_name": "\#(file)"}"#.utf8)),
                ], name: "m")
        }
        let euler = "FlowMatchEulerDiscreteScheduler"
        #expect(try FolderScheduler(files("\"\(euler)\"", "UniPCMultistepScheduler")).kind == .euler)
        #expect(try FolderScheduler(files("null", euler)).kind == .euler)
        #expect(try FolderScheduler(files("\"Other\"", euler)).kind == nil)
        let dpm = try CogVideoXScheduler(files("\"CogVideoXDPMScheduler\"", "CogVideoXDDIMScheduler"))
        #expect(dpm.own == .success(.dpm))
    }

    @Test func `a folder for pictures must have the channels for them`() throws {
        let error = try Self.failure("model_index.json") {
            $0.replacing("WanPipeline", with: "WanImageToVideoPipeline")
        }
        #expect(
            error?.message.contains(
                "field 'in_channels' must be 12 beside WanImageToVideoPipeline of model_index.json, is 4") == true,
            "\(String(describing: error))")
        // To set the field would only move the fault to the weights.
        #expect(error?.hint?.contains("different models") == true && error?.hint?.contains("set it") == false)
    }

    @Test(arguments: [
        ("wan21-t2v", "text_encoder/config.json", "\"model_type\": \"umt5\"", "\"model_type\": \"t5\""),
        ("cogvideox-2b", "model_index.json", "\"CogVideoXPipeline\"", "\"CogVideoXImageToVideoPipeline\""),
    ]) func `parts of two models are called that`(model: String, file: String, from: String, to: String) throws {
        let error = try Self.failure(file, of: model) { $0.replacing(from, with: to) }
        #expect(error?.hint?.contains("different models") == true, "\(String(describing: error))")
    }

    @Test func `a scheduler that is not done is judged only where it is used`() throws {
        let file = "scheduler/scheduler_config.json"
        #expect(
            try Self.failure(file) { $0.replacing("\"thresholding\": false", with: "\"thresholding\": true") } == nil)
        #expect(try Self.failure(file) { $0.replacing("UniPCMulti", with: "FlowUniPCMulti") } == nil)
    }
}
