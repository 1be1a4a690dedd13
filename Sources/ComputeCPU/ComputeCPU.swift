// room ComputeCPU
