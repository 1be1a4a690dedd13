// room Weights
