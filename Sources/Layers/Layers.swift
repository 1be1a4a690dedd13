// room Layers
