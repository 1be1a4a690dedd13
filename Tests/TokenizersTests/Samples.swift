import TestSupport

@testable import Tokenizers

/// Small tokenizer files for tests of single rules.
enum Samples {
    static func addedToken(_ content: String, id: Int = 0) -> String {
        """
        {"id":\(id),"content":"\(content)","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,\
        "special":true}
        """
    }

    /// A file of one field and a model.
    static func file(_ field: String, model: String = #"{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0]]}"#)
        -> String
    {
        "{\(field),\"model\":\(model)}"
    }

    static func file(model: String) -> String { "{\"model\":\(model)}" }
}

extension Fixtures {
    static func sentencePiece(configuration: String? = nil) throws -> Tokenizer {
        try Tokenizer(
            sentencePiece: try bytes(Fixture.path("sentencepiece.model")), configuration: configuration)
    }
}
