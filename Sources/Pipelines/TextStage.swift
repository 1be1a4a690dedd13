import Compute
import Models
import Tokenizers
import VideoTypes

/// Prompts to what the transformer attends to.
struct TextStage {
    /// Hidden states f32 `[tokens, width]` of one text's tokens.
    typealias Encoder = (_ ids: [Int32], _ probe: Probe?) throws(ComputeError) -> Tensor

    let preparation: TextPreparation
    let tokenizer: Tokenizer
    let encoder: Encoder
    let vocabulary: Int
    let backend: any Backend
    let finite: FiniteCheck
    let progress: ProgressReporter
    let dump: TensorDump?

    /// Hidden states f32 `[tokens, width]`, without padding unless the encoder reads it; negative only where guidance
    /// needs it.
    struct Embeddings {
        let prompt: Tensor
        let negative: Tensor?
    }

    func encode(_ prompt: String, negative: String?) throws -> Embeddings {
        try progress.begin(.text, total: negative == nil ? 1 : 2)
        return Embeddings(prompt: try embed(prompt, "prompt"), negative: try negative.map { try embed($0, "negative") })
    }

    private func embed(_ text: String, _ name: String) throws -> Tensor {
        let ids = preparation.tokens(text, tokenizer)
        if let id = ids.first(where: { $0 < 0 || $0 >= vocabulary }) {
            throw VideoError(
                .weightsInvalid, "the tokenizer gives id \(id), the text encoder knows \(vocabulary)",
                hint: "tokenizer and text_encoder belong to different models")
        }
        let embedding = try encoder(ids, dump?.probe("text.\(name)", on: backend))
        guard try finite.passes(embedding) else {
            let search = try finite.search()
            try search.look("the last norm", encoder(ids, search.look))
            throw finite.failure(.text, "the \(name)", part: search.part)
        }
        if let dump { try record(ids, embedding, name, dump) }
        try progress.advance()
        return embedding
    }

    private func record(_ ids: [Int32], _ embedding: Tensor, _ name: String, _ dump: TensorDump) throws {
        let length = preparation.length
        let padding = length - ids.count
        dump.record(
            "text.\(name)_ids", [1, length],
            ids.map(Int64.init) + [Int64](repeating: Int64(tokenizer.padID), count: padding))
        dump.record(
            "text.\(name)_mask", [1, length],
            [Int64](repeating: 1, count: ids.count) + [Int64](repeating: 0, count: padding))
        let width = embedding.shape.last
        let values = try backend.download(embedding) + [Float](repeating: 0, count: padding * width)
        dump.record("text.\(name)_embeds", [1, length, width], values)
    }
}
