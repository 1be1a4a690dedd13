// Causal convolution on sm_90a as a matrix product, after product_sm90.cuh: a tile is a rectangle of voxels of one
// frame by output channels, the summed dimension runs over channels and taps. A tap's operand is the rectangle shifted
// by it: one box of x, whose places outside the frame arrive as zeros.

struct VoxelTile {
    int frame, y, x, column;
};

template <class S> struct VoxelProblem {
    const ck_convolution_sm90_arguments &args;
    int tiles_x, tile_columns, tiles;

    /// Tiles that run together share the rectangle, then the columns, then the place: the frames that a tap in time
    /// reads again and the edges of neighbours are found in L2.
    VoxelTile tile(int t) const {
        const int column = t % tile_columns, frame = t / tile_columns % args.frames;
        const int place = t / tile_columns / args.frames;
        return {frame, place / tiles_x * args.tile_height, place % tiles_x * args.tile_width, column * S::COLUMNS};
    }
    /// Whether the frame that tap t in time reads for this tile is there, and not one of zeros.
    bool present(VoxelTile tile, int t) const {
        const int place = tile.frame + t;
        return place >= args.kernel_frames - 1 || args.has_history[place] != 0;
    }
    int blocks(VoxelTile tile) const {
        int frames = 0;
        for (int t = 0; t < args.kernel_frames; t++)
            frames += present(tile, t);
        return frames * args.kernel_height * args.kernel_width * ceil_divide(args.in_channels, S::DEPTH);
    }

    void load(Ring<S> &ring, VoxelTile tile) const {
        const int x = tile.x - args.kernel_width / 2, y = tile.y - args.kernel_height / 2;
        // As in the matrix product: what results are added to comes into L2 with the last stages.
        int box = args.accumulate ? boxes() - blocks(tile) : -0x40000000;
        NO_UNROLL for (int c = 0; c < args.in_channels; c += S::DEPTH) {
            NO_UNROLL for (int t = 0; t < args.kernel_frames; t++) {
                if (!present(tile, t))
                    continue;
                const int frame = tile.frame + t - (args.kernel_frames - 1);
                const ck_tensor_map *map = frame < 0 ? &args.history[tile.frame + t] : &args.x;
                const int place = frame < 0 ? 0 : frame;
                int tap = t * args.kernel_height * args.kernel_width;
                NO_UNROLL for (int dy = 0; dy < args.kernel_height; dy++) {
                    NO_UNROLL for (int dx = 0; dx < args.kernel_width; dx++, tap++, box++) {
                        claim(ring);
                        tensor_load(stage(ring), map, full(ring), c, x + dx, y + dy, place);
                        tensor_load(stage(ring) + S::A_BYTES, &args.weight, full(ring), c, tile.column, tap);
                        ring.at++;
                        if (box >= 0)
                            prefetch(tile, box);
                    }
                }
            }
        }
    }
    int slab_height() const { return 64 / args.tile_width; }
    int box_channels() const { return args.out_dtype == DTYPE_F32 ? 32 : 64; }
    /// Of results in a tile.
    int boxes() const { return S::ROWS / 64 * ceil_divide(S::COLUMNS, box_channels()); }
    void prefetch(VoxelTile tile, int box) const {
        const int slab = box % (S::ROWS / 64);
        tensor_prefetch(&args.out, tile.column + box / (S::ROWS / 64) * box_channels(), tile.x,
                        tile.y + slab * slab_height(), tile.frame);
    }
    void store(u32 box, VoxelTile tile, int column, int slab) const {
        const int y = tile.y + slab * slab_height();
        if (args.accumulate)
            tensor_add(&args.out, box, tile.column + column, tile.x, y, tile.frame);
        else
            tensor_store(&args.out, box, tile.column + column, tile.x, y, tile.frame);
    }
};

template <class S> INLINE void convolve(const ck_convolution_sm90_arguments &args) {
    const Result result = result_of(args.bias, 0, args.out_channels, 1.f, args.out_dtype, EPILOGUE_NONE);
    const int tiles_x = ceil_divide(args.width, args.tile_width), tiles_y = ceil_divide(args.height, args.tile_height);
    const int columns = ceil_divide(args.out_channels, S::COLUMNS);
    compute<S>(VoxelProblem<S>{args, tiles_x, columns, tiles_x * tiles_y * args.frames * columns}, result);
}

typedef Shape<256, 1, false, 64, 4, 2> Shared256;
typedef Shape<192, 2, false, 64, 3, 3> Shared192;
typedef Shape<96, 4, true, 32, 8, 2> Alternating96;
static_assert(Shared256::SHARED == CK_CONVOLUTION_SM90_128X256_SHARED, "what the host was told");
static_assert(Shared192::SHARED == CK_CONVOLUTION_SM90_256X192_SHARED, "what the host was told");
static_assert(Alternating96::SHARED == CK_CONVOLUTION_SM90_256X96_SHARED, "what the host was told");

KERNEL(convolution_sm90_128x256, Aligned<ck_convolution_sm90_arguments>, CK_CONVOLUTION_SM90_THREADS, 1) {
    convolve<Shared256>(args);
}
KERNEL(convolution_sm90_256x192, Aligned<ck_convolution_sm90_arguments>, CK_CONVOLUTION_SM90_THREADS, 1) {
    convolve<Shared192>(args);
}
KERNEL(convolution_sm90_256x96, Aligned<ck_convolution_sm90_arguments>, CK_CONVOLUTION_SM90_THREADS, 1) {
    convolve<Alternating96>(args);
}
