"""What measurements need to know of the machine, and running programs on it."""

import os
import platform
import subprocess
from pathlib import Path

VECTOR_FLAGS = ["avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni",
                "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm", "bf16", "sve", "sve2"]


class MeasureError(Exception):
    """A failure to tell the user in one line."""


def output(arguments, **options):
    """What a program prints; its last line on standard error if it fails."""
    try:
        done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False, **options)
    except OSError as e:
        raise MeasureError(f"{arguments[0]}: {e.strerror}") from e
    if done.returncode != 0:
        raise failed(arguments[0], done.returncode, done.stderr)
    return done.stdout


def failed(program, status, errors):
    """The error of a program that ended with a status, with the last line that it wrote on standard error."""
    last = (errors.strip() or "no message").splitlines()[-1]
    return MeasureError(f"{program} failed with exit status {status}: {last}")


def load():
    return os.getloadavg()[0]


def cpuinfo(*keys):
    """The first value of one of the keys in /proc/cpuinfo, or an empty text."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in keys:
                return value.strip()
    except OSError:
        pass
    return ""


def cpu():
    if platform.system() == "Darwin":
        return output(["sysctl", "-n", "machdep.cpu.brand_string"]).strip()
    name = cpuinfo("model name") or platform.processor() or platform.machine()
    family, model = cpuinfo("cpu family"), cpuinfo("model")
    return f"{name} (family {family}, model {model})" if family and model else name


def flags():
    present = set(cpuinfo("flags", "Features").split())
    return [f for f in VECTOR_FLAGS if f in present]


def vector_bits():
    """Bits of the vectors that the JVM prefers on such a processor."""
    present = flags()
    return 512 if "avx512f" in present else 256 if "avx2" in present else 128
