#include "cbuiltinmodel.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

// Weights are used where they lie, so they are aligned as the kernels like it.
#define EMBEDDED static const unsigned char __attribute__((aligned(64)))

EMBEDDED model_index[] = {
#embed "model/model_index.json"
};
EMBEDDED scheduler_config[] = {
#embed "model/scheduler/scheduler_config.json"
};
EMBEDDED tokenizer[] = {
#embed "model/tokenizer/tokenizer.json"
};
EMBEDDED text_encoder_config[] = {
#embed "model/text_encoder/config.json"
};
EMBEDDED text_encoder_weights[] = {
#embed "model/text_encoder/model.safetensors"
};
EMBEDDED transformer_config[] = {
#embed "model/transformer/config.json"
};
EMBEDDED transformer_weights[] = {
#embed "model/transformer/diffusion_pytorch_model.safetensors"
};
EMBEDDED vae_config[] = {
#embed "model/vae/config.json"
};
EMBEDDED vae_weights[] = {
#embed "model/vae/diffusion_pytorch_model.safetensors"
};
EMBEDDED manifest[] = {
#embed "../../weights-manifest.json"
};

#define FILE_AT(path, bytes)                                                                                           \
    { path, bytes, sizeof bytes }

static const cbuiltin_file files[] = {
    FILE_AT("model_index.json", model_index),
    FILE_AT("scheduler/scheduler_config.json", scheduler_config),
    FILE_AT("tokenizer/tokenizer.json", tokenizer),
    FILE_AT("text_encoder/config.json", text_encoder_config),
    FILE_AT("text_encoder/model.safetensors", text_encoder_weights),
    FILE_AT("transformer/config.json", transformer_config),
    FILE_AT("transformer/diffusion_pytorch_model.safetensors", transformer_weights),
    FILE_AT("vae/config.json", vae_config),
    FILE_AT("vae/diffusion_pytorch_model.safetensors", vae_weights),
};

const cbuiltin_file *cbuiltin_model_files(size_t *count) {
    *count = sizeof files / sizeof files[0];
    return files;
}

cbuiltin_file cbuiltin_manifest(void) {
    cbuiltin_file file = FILE_AT("weights-manifest.json", manifest);
    return file;
}
