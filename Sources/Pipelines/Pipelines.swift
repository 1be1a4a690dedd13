// room Pipelines
