// room Tokenizers
