extension Distribution {
    /// The releases that are supported.
    package static let known = [debian12, debian13, ubuntu2404]

    private static let debian12 = Distribution(
        name: "Debian 12", codename: "bookworm",
        packages: [
            "libdnnl.so.2": "libdnnl2",
            "libavutil.so.57": "libavutil57",
            "libswscale.so.6": "libswscale6",
            "libavcodec.so.59": "libavcodec59",
            "libavformat.so.59": "libavformat59",
            "libmicrohttpd.so.12": "libmicrohttpd12",
            "libsqlite3.so.0": "libsqlite3-0",
            "libcrypto.so.3": "libssl3",
            "libcurl.so.4": "libcurl4",
            "libnvrtc.so.11.2": "libnvrtc11.2",
            "libcublasLt.so.11": "libcublaslt11",
        ],
        driverRemedy: "apt-get install nvidia-driver, from non-free")

    private static let debian13 = Distribution(
        name: "Debian 13", codename: "trixie",
        packages: [
            "libdnnl.so.3.6": "libdnnl3.6",
            "libavutil.so.59": "libavutil59",
            "libswscale.so.8": "libswscale8",
            "libavcodec.so.61": "libavcodec61",
            "libavformat.so.61": "libavformat61",
            "libmicrohttpd.so.12": "libmicrohttpd12t64",
            "libsqlite3.so.0": "libsqlite3-0",
            "libcrypto.so.3": "libssl3t64",
            "libcurl.so.4": "libcurl4t64",
            "libnvrtc.so.12": "libnvrtc12",
            "libcublasLt.so.12": "libcublaslt12",
        ],
        driverRemedy: "apt-get install nvidia-driver, from non-free")

    private static let ubuntu2404 = Distribution(
        name: "Ubuntu 24.04", codename: "noble",
        packages: [
            "libdnnl.so.3": "libdnnl3",
            "libavutil.so.58": "libavutil58",
            "libswscale.so.7": "libswscale7",
            "libavcodec.so.60": "libavcodec60",
            "libavformat.so.60": "libavformat60",
            "libmicrohttpd.so.12": "libmicrohttpd12t64",
            "libsqlite3.so.0": "libsqlite3-0",
            "libcrypto.so.3": "libssl3t64",
            "libcurl.so.4": "libcurl4t64",
            "libnvrtc.so.12": "libnvrtc12",
            "libcublasLt.so.12": "libcublaslt12",
        ],
        driverRemedy: "ubuntu-drivers install")
}
