"""llama.cpp's llama-bench and llama-quantize: found on this machine, or built from the sources in a Python package."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from machine import MeasureError, flags, output

PACKAGE = "llama-cpp-python"
VERSION = "0.3.36"
DEFAULT_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
ARCHIVE = f"llama_cpp_python-{VERSION}.tar.gz"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"

# Native code for this processor, one static program, nothing that is not measured.
CMAKE = [
    "-DCMAKE_BUILD_TYPE=Release",
    "-DGGML_NATIVE=ON",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DLLAMA_CURL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_SERVER=OFF",
]

# GCC leaves out most of what llama.cpp writes to AMX's tile configuration, since its intrinsic does not say that it reads
# that (llama.cpp's pull request 26954): products with integer weights then crash.
KEEP_TILE_CONFIGURATION = "-DCMAKE_CXX_FLAGS=-fno-dse -fno-tree-dse"


def cache():
    """Where downloads and builds stay: Depths' directory in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "depths"


def default_model(depths):
    """Depths' default model; any of its commands fetches it."""
    model = cache() / "models" / DEFAULT_MODEL
    if not model.is_file():
        output([depths, "inspect"])
    if not model.is_file():
        raise MeasureError("the default model could not be fetched; pass -m GGUF")
    return model


def llama_bench(given=None):
    """The path of llama-bench: the one given, one on the PATH, or one built here."""
    if given:
        if not os.access(given, os.X_OK):
            raise MeasureError(f"{given}: not an executable file")
        return Path(given).absolute()
    found = shutil.which("llama-bench")
    return Path(found) if found else build()


def quantize(bench, model, type_name):
    """The model with other weights, made by the llama-quantize beside llama-bench; kept in the cache.

    "F16-of-BF16" are half floats made of bfloat16, as a file of a model has them that was trained in that.
    """
    type_name, _, origin = type_name.partition("-of-")
    if origin:
        model = quantize(bench, model, origin)
    tool = bench.parent / "llama-quantize"
    if not tool.exists():
        raise MeasureError(f"{tool}: missing, so no model of type {type_name} can be made")
    stamp = f"{model.stat().st_size}-{model.stat().st_mtime_ns}"
    target = cache() / "peers" / "models" / f"{model.stem}-{stamp}.{type_name}.gguf"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        run([tool, "--allow-requantize", model, part, type_name.upper()], target.with_suffix(".log"))
        part.replace(target)
    return target


def build():
    """Builds llama-bench and llama-quantize, once; takes a few minutes."""
    home = cache() / "peers" / f"{PACKAGE}-{VERSION}"
    sources = home / ARCHIVE.removesuffix(".tar.gz") / "vendor" / "llama.cpp"
    bench = sources / "build" / "bin" / "llama-bench"
    if bench.exists():
        return bench
    for tool in "cmake", "c++":
        if not shutil.which(tool):
            raise MeasureError(f"{tool} is not on the PATH: needed to build llama-bench (or pass --llama-bench FILE)")
    home.mkdir(parents=True, exist_ok=True)
    log = home / "build.log"
    archive = home / ARCHIVE
    if not archive.exists():
        progress(f"downloading the sources of {PACKAGE} {VERSION} (73 MB)")
        run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", PACKAGE, "--dest", home,
             f"{PACKAGE}=={VERSION}"], log)
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        archive.unlink()
        raise MeasureError(f"{archive}: not the expected file (SHA-256 differs); removed")
    with tarfile.open(archive) as tar:
        tar.extractall(home, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    progress(f"building llama-bench, a few minutes; log: {log}")
    amx = [KEEP_TILE_CONFIGURATION] if "amx_int8" in flags() else []
    run(["cmake", "-S", sources, "-B", sources / "build", *CMAKE, *amx], log)
    run(["cmake", "--build", sources / "build", "--parallel", str(os.cpu_count()), "--target", "llama-quantize",
         "llama-bench"], log)
    return bench


def progress(message):
    print(f"bench: {message} ...", file=sys.stderr, flush=True)


def run(command, log):
    with open(log, "ab") as out:
        try:
            code = subprocess.run([str(c) for c in command], stdout=out, stderr=out, check=False).returncode
        except OSError as e:
            raise MeasureError(f"{command[0]}: {e.strerror}") from e
    if code != 0:
        raise MeasureError(f"{Path(command[0]).name} failed with exit status {code}; log: {log}")
