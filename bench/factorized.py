"""Row of the comparison: factorized attention on a model made for full attention, against full attention."""

from table import seconds

LAYERS = 30  # Of the model whose shape it is; one in the first three per cent of them stays full.


def measure_step(run, table, options):
    """Two steps, full and factorized: the first is full in both, and so is the first of two layers."""
    width, height, frames = (256, 256, 17) if options.quick else (832, 480, 81)
    folder = options.models / "dit-factorized"
    settings = ["--width", width, "--height", height, "--frames", frames, "--steps", 2, "--guidance", 1, "--dtype", "f32"]
    dumps = {kind: run.scratch / f"{kind}.safetensors" for kind in ("full", "factorized")}
    time, flops = {}, {}
    for kind, file in dumps.items():
        ours = run.engine(*settings, "--attention", kind, "--dump", file, model=folder)
        assert ours["attention"] == kind
        time[kind] = ours["stage_seconds"]["denoise"]
        flops[kind] = run.flops("denoise", *settings, "--attention", kind, model=folder)
    drift = run.reference("drift", files=list(dumps.values()))["relative"]
    for file in dumps.values():
        file.unlink()

    def ratio(value):
        """Of a step of all layers: a step of two is half full."""
        full = value["full"] / 2
        layer = (value["factorized"] - full - full / 2) / (full / 2)
        return (1 + (LAYERS - 1) * layer) / LAYERS

    tokens = ((frames - 1) // 4 + 1) * (height // 16) * (width // 16)
    step = time["factorized"] - time["full"] / 2
    name = (f"factorized step of 1.3B's shape, {tokens} tokens, as of {LAYERS} layers (FLOPs {ratio(flops):.2f}×; "
            f"drift of random weights behind one such step {drift:.1e})")
    table.add(name, f"{seconds(step)} (2 layers, 1 factorized)", f"{seconds(time['full'] / 2)} (ours, full)", ratio(time),
              run.target("factorized"))
