import Compute
import Glibc
import StrictJSON
package import VideoTypes

extension WeightError: Reportable {
    package var videoError: VideoError {
        switch self {
        case .folderMissing, .folderUnreadable, .notAFolder, .notAModel:
            VideoError(.modelNotFound, Wording(plain: message), field: .model, hint: hint)
        case .interrupted: VideoError(.cancelled, "cancelled during load")
        case .notMerged(let error): error.videoError
        default: VideoError(.weightsInvalid, Wording(plain: message), field: .model, hint: hint)
        }
    }

    /// One line: the thing, what was expected and what was found.
    package var message: String {
        switch self {
        case .folderMissing(let path): "\(path): no such file or folder"
        case .folderUnreadable(let path, let errno), .unreadable(let path, let errno):
            "\(path): cannot be read (\(unsafe String(cString: strerror(errno))))"
        case .notAModel(let path): "\(path): no model_index.json in this folder"
        case .fileMissing(let file): "\(file): no such file"
        case .pointer(let file, let bytes):
            "\(file): a Git LFS pointer that stands for \(bytes) bytes, not the file itself"
        case .webPage(let file): "\(file): a web page, not the file itself"
        case .shardMissing(let file, let index): "\(file): no such file, but \(index) names it"
        case .notAFile(let file): "\(file): not a regular file"
        case .notAFolder(let path): "\(path): not a folder"
        case .emptyFile(let file): "\(file): the file is empty"
        case .fileTooLarge(let file, let bytes, let limit): "\(file): \(bytes) bytes, at most \(limit) are accepted"
        case .truncated(let file, let expected, let found): "\(file): truncated: needs \(expected) bytes, has \(found)"
        case .trailing(let file, let expected, let found):
            "\(file): \(found - expected) bytes behind the last tensor: should have \(expected) bytes, has \(found)"
        case .headerTooLarge(let file, let bytes, let limit):
            "\(file): a header of \(bytes) bytes, at most \(limit) are accepted"
        case .badHeader(let file, let problem): "\(file): \(problem.message)"
        case .badGGUF(let file, let problem): "\(file): \(problem.message)"
        case .badScale(let key, let file, let problem): "\(file): \(problem.message(key: key))"
        case .badJSON(let file, let offset, let problem):
            "\(file): not valid JSON at byte \(offset): \(problem.message)"
        case .badIndex(let file, let key, let problem): "\(file): \(problem.message(key: key))"
        case .badTorchFile(let file, let problem): "\(file): \(problem.message)"
        case .noWeights(let folder, let looked, let others):
            "\(folder): no weights; looked for \(looked.joined(separator: ", "))"
                + (others.isEmpty ? "" : "; there is " + others.map(\.printable).joined(separator: ", "))
        case .missing(let key, let file): "\(file): tensor '\(key.printable)' is missing"
        case .shape(let key, let file, let expected, let found):
            "\(file): tensor '\(key.printable)' should have shape \(expected), has \(found)"
        case .dtype(let key, let file, let found):
            "\(file): tensor '\(key.printable)' is stored as \(found.printable); "
                + "F32, F16, BF16, F8_E4M3 and F8_E5M2 are understood, and I8 with its scales"
        case .unused(let keys, let count, let file):
            "\(file): \(count) tensors that the model does not know: "
                + keys.map { "'\($0.printable)'" }.joined(separator: ", ") + (count > keys.count ? ", …" : "")
        case .otherModel(let key, let file, let meaning):
            "\(file): tensor '\(key.printable)' is of \(meaning), which does not run here"
        case .otherLayout(let key, let file, let meaning):
            "\(file): tensor '\(key.printable)' is of \(meaning), which are not read"
        case .config(let file, let field, nil, _): "\(file): field '\(field.printable)' is missing"
        case .config(let file, "", let value?, let rule):
            "\(file): must be \(rule), is \(value.printable)"
        case .config(let file, let field, let value?, let rule):
            "\(file): field '\(field.printable)' must be \(rule), is \(value.printable)"
        case .disagreement(let file, let field, let value, let rule, let other):
            "\(file): field '\(field.printable)' must be \(rule) beside \(other), is \(value.printable)"
        case .derived(let file, let field, let value, let rule):
            "\(file): \(field.printable) must be \(rule), is \(value.printable)"
        case .unknownField(let file, let field, let value):
            "\(file): field '\(field.printable)' (\(value.printable)) is not known here"
        case .otherPipeline(let folder, let name, _): "\(folder): a folder for \(name.printable)" + Self.purpose(name)
        case .notMerged(let error): "adapters could not be added to the weights: \(error.videoError.message)"
        case .interrupted: "nobody wants the weights any more"
        }
    }

    /// The remedy.
    package var hint: Wording {
        switch self {
        case .folderMissing, .notAFolder, .notAModel:
            "check the path; a model is a folder or file with weights, of Diffusers, its authors or ComfyUI"
        case .fileMissing, .shardMissing: "the folder is incomplete: fetch the file that is missing"
        case .pointer: "the folder was cloned without its large files: run git lfs pull in it, or use hf download"
        case .webPage:
            "the link led to a page about the file: fetch it by the hub's link for downloads, with /resolve/ in it"
        case .noWeights(_, let looked, let others): Self.hint(looked: looked, others: others)
        case .folderUnreadable, .unreadable: "check the permissions of the file and its folders"
        case .notAFile, .fileTooLarge: "replace it with the file that was published with the model"
        case .emptyFile, .truncated, .trailing: "the download is incomplete or damaged: fetch the file again"
        case .badGGUF(_, let problem): Wording(plain: problem.hint)
        case .badScale(_, _, let problem): Wording(plain: problem.hint)
        case .headerTooLarge, .badHeader, .badJSON: "the file is damaged or of another format: fetch it again"
        case .badIndex: "the index and its shards are of different revisions: fetch the folder again"
        case .badTorchFile(_, let problem): Wording(plain: problem.hint)
        case .otherLayout: "use the model's folder of Diffusers, or convert the file to it"
        case .otherModel: "use the model's own file; without these tensors its clips would be wrong"
        case .missing, .shape, .unused:
            "the weights are of another model than the rest of it, or of another release: fetch all of it again"
        case .dtype: "use a file of the same model in f32, f16, bf16, fp8, plain int8 or GGUF"
        case .unknownField: "what it asks for might change the clip; take it out of the file if it does not"
        case .otherPipeline(_, _, let known):
            "folders for \(known.joined(separator: " and ")) run here; \(.models) lists the models and what they can do"
        case .config(_, _, _, let rule): "set it in the file: it must be \(rule)"
        case .disagreement: "they are of different models: fetch the folder again, or the part that belongs to the rest"
        case .derived: "the file is of another model, or of sizes that no published model has: use one that runs here"
        case .notMerged(let error): error.videoError.remedies.first ?? "use a smaller model"
        case .interrupted: "start again"
        }
    }
}

extension WeightError {
    private static func purpose(_ pipeline: String) -> String {
        let name = pipeline.lowercased()
        if name.contains("imagetovideo") { return ", image to video, which is not supported yet" }
        if name.contains("videotovideo") { return ", video to video, which is not supported" }
        return ", which is not supported"
    }

    /// A variant (`….fp16.safetensors`) needs only another name; other formats are not read.
    private static func hint(looked: [String], others: [String]) -> Wording {
        for name in looked {
            let parts = name.split(separator: ".", maxSplits: 1)
            let variant = others.first { other in
                other.hasPrefix(parts[0] + ".") && other.hasSuffix("." + parts[1]) && other != name
            }
            if let variant {
                return "there are several: rename the one that is meant, \(variant.printable), to \(name)"
            }
        }
        return "the folder is incomplete, or of another format: fetch the safetensors files of the Diffusers layout"
    }
}

extension HeaderProblem {
    var message: String {
        switch self {
        case .duplicateKey(let key): "tensor '\(key.printable)' appears twice"
        case .missingField(let key, let field): "tensor '\(key.printable)' has no '\(field)'"
        case .unknownDType(let key, let name): "tensor '\(key.printable)' has the unknown dtype '\(name.printable)'"
        case .tooManyDimensions(let key, let rank, let limit):
            "tensor '\(key.printable)' has \(rank) dimensions, at most \(limit) are accepted"
        case .shapeOverflows(let key, let shape): "the shape \(shape) of tensor '\(key.printable)' is too large"
        case .sizeMismatch(let key, let dtype, let shape, let begin, let end):
            "tensor '\(key.printable)' of \(dtype) \(shape) cannot fill bytes \(begin)..<\(end)"
        case .reversedRange(let key, let begin, let end):
            "tensor '\(key.printable)' ends (\(end)) before it begins (\(begin))"
        case .overlap(let key, let other): "tensors '\(key.printable)' and '\(other.printable)' overlap"
        case .gap(let key, let expected, let found):
            "unused bytes in front of tensor '\(key.printable)': begins at \(found), should at \(expected)"
        }
    }
}

extension IndexProblem {
    func message(key: String) -> String {
        switch self {
        case .noWeightMap: "field 'weight_map' is missing"
        case .unsafeName(let name):
            "tensor '\(key.printable)' is in '\(name.printable)', which is no file name of a shard"
        case .absentFrom(let shard): "tensor '\(key.printable)' is not in \(shard.printable) as the index says"
        case .notListed(let shard): "tensor '\(key.printable)' of \(shard.printable) is not in the index"
        case .listedElsewhere(let shard, let listed):
            "tensor '\(key.printable)' is in \(shard.printable) too, the index has it in \(listed.printable)"
        }
    }
}
