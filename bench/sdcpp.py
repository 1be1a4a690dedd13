"""Builds stable-diffusion.cpp from the source package that its Python binding has on PyPI, in .build/sdcpp."""

import hashlib
import pathlib
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".build/sdcpp"
PACKAGE = "stable-diffusion-cpp-python==0.4.7"
SHA256 = "998d1957260dd5ae4e18a8acc0c14b0a8757aaa9f96515197b6d5bbf46df9282"
# What unpacks and builds it. Wheels alone: nothing is compiled to compile with.
TOOLS = ["cmake==4.4.5", "scikit-build-core==1.1.2"]
# All instructions that this processor has, and the quick products that llama.cpp's builds have too.
OPTIONS = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DGGML_LLAMAFILE=ON", "-DSD_WEBP=OFF",
           "-DSD_WEBM=OFF"]
SOURCE = FOLDER / "source/vendor/stable-diffusion.cpp"
# The text encoder's tokenizer, which the program has inside.
TOKENIZER = SOURCE / "src/tokenizers/vocab/umt5.hpp"


def program():
    """Where its program is, built at the first call: some minutes."""
    built = FOLDER / "build/bin/sd-cli"
    if (FOLDER / "done").exists():
        return built
    if not shutil.which("g++"):
        sys.exit("no g++, which builds stable-diffusion.cpp: apt-get install g++ make")
    FOLDER.mkdir(parents=True, exist_ok=True)
    tools = FOLDER / "tools/bin"
    if not (tools / "cmake").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER / "tools"], check=True)
        subprocess.run([tools / "pip", "install", "-q", "--only-binary", ":all:", *TOOLS], check=True)
    if not TOKENIZER.exists():
        unpack(tools)
    configure = [tools / "cmake", "-S", SOURCE, "-B", FOLDER / "build", *OPTIONS]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    build = [tools / "cmake", "--build", FOLDER / "build", "--target", "sd-cli", "--parallel", "2"]
    subprocess.run(build, check=True, stdout=sys.stderr)
    (FOLDER / "done").touch()
    return built


def unpack(tools):
    """Fetches the package and takes it apart, once its digest is right."""
    # Without isolation pip asks the build's back end for the package's name and builds nothing.
    subprocess.run(
        [tools / "pip", "download", "-q", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--dest", FOLDER, PACKAGE],
        check=True)
    archive, = FOLDER.glob("stable_diffusion_cpp_python-*.tar.gz")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        sys.exit(f"{archive}: its SHA-256 is {found}, expected was {SHA256}")
    with tarfile.open(archive) as file:
        file.extractall(FOLDER / "unpacked", filter="data")
    (FOLDER / "unpacked" / archive.name.removesuffix(".tar.gz")).rename(FOLDER / "source")


def tokenizer(path):
    """Writes the tokenizer that the program has inside as the file that it was."""
    words = TOKENIZER.read_text().partition("{")[2].partition("}")[0]
    path.write_bytes(bytes(int(word, 16) for word in words.replace(",", " ").split()))
