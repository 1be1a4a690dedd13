// room Sampling
