package import Weights

/// How pictures are prepared for CLIP, from `image_processor/preprocessor_config.json`.
package struct CLIPProcessorConfig: Decodable, Sendable {
    /// Of the shorter side after resizing.
    package let shortestEdge: Int
    package let cropWidth: Int
    package let cropHeight: Int
    package let rescaleFactor: Double
    /// Of red, green and blue.
    package let imageMean: [Float]
    package let imageStd: [Float]

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case size
        case cropSize = "crop_size"
        case rescaleFactor = "rescale_factor"
        case imageMean = "image_mean"
        case imageStd = "image_std"
    }

    private enum SizeKeys: String, CodingKey {
        case shortestEdge = "shortest_edge"
        case width, height
    }

    /// What is left out is what CLIPImageProcessor takes; old files give a size as one number.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        if let side = try? values.decode(Int.self, forKey: .size) {
            shortestEdge = side
        } else if values.contains(.size) {
            shortestEdge = try values.nestedContainer(keyedBy: SizeKeys.self, forKey: .size)
                .decode(Int.self, forKey: .shortestEdge)
        } else {
            shortestEdge = 224
        }
        if let side = try? values.decode(Int.self, forKey: .cropSize) {
            (cropWidth, cropHeight) = (side, side)
        } else if values.contains(.cropSize) {
            let size = try values.nestedContainer(keyedBy: SizeKeys.self, forKey: .cropSize)
            (cropWidth, cropHeight) = (
                try size.decode(Int.self, forKey: .width), try size.decode(Int.self, forKey: .height)
            )
        } else {
            (cropWidth, cropHeight) = (224, 224)
        }
        rescaleFactor = try values.decodeIfPresent(Double.self, forKey: .rescaleFactor) ?? 1.0 / 255
        imageMean =
            try values.decodeIfPresent([Float].self, forKey: .imageMean) ?? [0.48145466, 0.4578275, 0.40821073]
        imageStd =
            try values.decodeIfPresent([Float].self, forKey: .imageStd) ?? [0.26862954, 0.26130258, 0.27577711]
    }

    /// Resampling 3 is Pillow's bicubic.
    package static let fields = FieldTable(
        read: CodingKeys.allCases.map(\.rawValue),
        harmless: [
            "data_format", "device", "disable_grouping", "feature_extractor_type", "image_processor_type",
            "input_data_format", "processor_class", "return_tensors",
        ],
        fixed: [
            "do_resize": [true], "do_center_crop": [true], "do_rescale": [true], "do_normalize": [true],
            "do_convert_rgb": [true], "resample": [3], "default_to_square": [false, nil],
            "use_square_size": [false, nil], "do_pad": [false, nil], "pad_size": [nil], "size_divisor": [nil],
        ])

    /// - Parameter side: of the pictures that the encoder reads.
    package func validate(_ fields: ConfigFields, side: Int) throws(WeightError) {
        try fields.whole(shortestEdge, "size.shortest_edge", in: 1...4096)
        try fields.oneOf([side], cropWidth, "crop_size.width")
        try fields.oneOf([side], cropHeight, "crop_size.height")
        try fields.real(rescaleFactor, "rescale_factor", in: 1e-6...1e6)
        try fields.exactly(3, imageMean, "image_mean")
        try fields.exactly(3, imageStd, "image_std")
        for value in imageMean { try fields.real(Double(value), "image_mean", in: -1e6...1e6) }
        for value in imageStd { try fields.real(Double(value), "image_std", in: 1e-6...1e6) }
    }
}
