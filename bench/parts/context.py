"""What all parts of the results share: the programs to run, how often, and where raw figures stay."""

import dataclasses
import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path

import llama_cpp
import machine

ROOT = Path(__file__).resolve().parents[2]
JDK_VERSION = "25"
PROMPT = "The lighthouse keeper opened the door and"


@dataclasses.dataclass
class Context:
    depths: Path
    given_llama_bench: str
    given_java: str
    build: bool
    models: list
    types: list
    threads: list
    rounds: int
    repetitions: int
    runs: int
    jmh_options: list
    folder: Path

    @cached_property
    def llama_bench(self):
        return llama_cpp.llama_bench(self.given_llama_bench)

    @cached_property
    def default_model(self):
        return llama_cpp.default_model(self.depths)

    @cached_property
    def java(self):
        """A JDK's java of the version that Depths needs."""
        if self.given_java:
            return self.given_java
        homes = [os.environ.get("JAVA_HOME", ""), *(str(p) for p in sorted(Path("/usr/lib/jvm").glob("*")))]
        for home in homes:
            if home and f'JAVA_VERSION="{JDK_VERSION}' in text(Path(home) / "release"):
                return str(Path(home) / "bin" / "java")
        return "java"

    def jar(self, profile=None):
        """The benchmarks, built anew unless that was forbidden."""
        if self.build:
            progress("building the benchmarks")
            machine.output(["mvn", "-q", "-B", *(["-P" + profile] if profile else []), "-pl", "bench", "-am",
                            "-Dmaven.test.skip=true", "package"], cwd=ROOT, stdin=subprocess.DEVNULL)
        return ROOT / "bench" / "target" / "depths-bench.jar"


def text(path):
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def progress(message):
    print(f"results: {message} ...", file=sys.stderr, flush=True)
