"""Makes the corpus: English prose out of Debian's documentation packages, whose licences are all free (Debian's `main`).

    python -m scratch.corpus work/corpus

fetches the packages of packages.txt with apt, keeps the paragraphs that are prose, each once, sets every fortieth document
aside as held-out, and writes train.txt.zst, heldout.txt.zst (documents separated by a NUL) and corpus.json, which names
sources, licences, sizes and hashes. Of the same packages it makes the same bytes; corpus.json beside this file is of those
that the report used. Debian replaces versions in time: `--newest` takes what there is instead of what packages.txt says.
"""
import argparse
import gzip
import hashlib
import json
import os
import re
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import lxml.etree
import lxml.html
import zstandard

HERE = Path(__file__).parent
HELD_OUT = 40  # one document of so many
CHARACTERS_PER_PACKAGE = 9_000_000  # that no package's manner dominates
CHARACTERS_PER_DOCUMENT = 500  # at least
COMMON = frozenset("a an and are as at be but by can for from has have if in is it its may must not of on or that the then "
                   "there these this to was which will with you your".split())
BLOCKS = ("p", "li", "dd", "blockquote", "td")


def fetch(package, directory, newest):
    """The file of a package, given as `name=version`."""
    name = package.split("=")[0]
    found = sorted(directory.glob(f"{name}_*.deb"))
    if not found:
        subprocess.run(["apt-get", "download", name if newest else package], cwd=directory, check=True)
        found = sorted(directory.glob(f"{name}_*.deb"))
    return found[0]


def documents(root):
    """The paths of a package's texts, in an order that depends on their names alone but is not alphabetical."""
    paths = [p for p in root.rglob("*") if p.is_file() and not p.is_symlink() and "_sources" not in p.parts
             and re.search(r"\.(html?|page|xhtml|rst|txt|md)(\.gz)?$", p.name)
             and not re.search(r"genindex|modindex|copyright|changelog|license|search\.html", p.name, re.I)]
    return sorted(paths, key=lambda p: hashlib.sha256(str(p.relative_to(root)).encode()).digest())


def paragraphs(path):
    data = path.read_bytes()
    name = path.name
    if name.endswith(".gz"):
        data, name = gzip.decompress(data), name[:-3]
    if name.endswith((".rst", ".txt", ".md")):
        return plain_paragraphs(data.decode("utf-8", "replace"))
    return marked_paragraphs(data, name)


def plain_paragraphs(text):
    for part in re.split(r"\n\s*\n", text):
        if not re.match(r"\s*(\.\.|:|#|\||\+|>>>|\$)|\s{3,}", part):
            yield re.sub(r":[\w:+-]+:`([^`<]*?)\s*(<[^`]*>)?`", r"\1", part).replace("``", "")


def marked_paragraphs(data, name):
    if not data.strip():
        return
    parser = lxml.etree.XMLParser(recover=True, resolve_entities=False, no_network=True) if name.endswith(".page") else \
        lxml.html.HTMLParser(encoding="utf-8")
    root = lxml.etree.fromstring(data, parser)
    if root is None:
        return
    for element in root.iter():
        tag = lxml.etree.QName(element).localname if isinstance(element.tag, str) else ""
        # A block that holds others of its kind is taken in their parts.
        if tag in BLOCKS and not any(isinstance(c.tag, str) and lxml.etree.QName(c).localname in
                                     BLOCKS + ("pre", "ul", "ol", "table", "div", "dl") for c in element):
            yield "".join(element.itertext())


def prose(text):
    """The paragraph in one line, or None if it is not English prose: code, tables, lists of names, other languages."""
    text = re.sub(r"\s+", " ", text.replace("\u00b6", "").translate({0x2018: "'", 0x2019: "'", 0x201c: '"', 0x201d: '"'})).strip()
    words = text.lower().split()
    if not 12 <= len(words) <= 600 or "\ufffd" in text or not text.isprintable():
        return None
    letters = sum(c.isalpha() or c in " ,." for c in text) / len(text)
    common = sum(w in COMMON for w in words) / len(words)
    return text if letters > 0.9 and common > 0.2 and text[-1] in ".:!?)\"'" else None


def licences(root, name):
    """What the package's copyright file says, short, in its own words."""
    path = root / "usr/share/doc" / name / "copyright"
    text = path.read_text("utf-8", "replace") if path.exists() else ""
    # Names of licences; where there are none the whole licence stands in the file.
    return sorted(set(re.findall(r"^License:[ \t]*(\S(?:.{0,38}\S)?)[ \t]*$", text, re.M))) or ["see its copyright file"]


def read_package(job):
    """All prose of a package, as (document, paragraphs), and the package's entry in the manifest."""
    deb, scratch = job
    name, version = deb.name.split("_")[:2]
    root = scratch / name
    if not root.exists():
        subprocess.run(["dpkg-deb", "-x", deb, root], check=True)
    texts, size = [], 0
    for path in documents(root):
        kept = [t for t in map(prose, paragraphs(path)) if t]
        if sum(map(len, kept)) >= CHARACTERS_PER_DOCUMENT:
            texts.append((f"{name}/{path.relative_to(root)}", kept))
            size += sum(map(len, kept))
        if size > 2 * CHARACTERS_PER_PACKAGE:  # some are repetitions
            break
    entry = {"package": name, "version": version.replace("%3a", ":"), "licences": licences(root, name),
             "sha256": hashlib.sha256(deb.read_bytes()).hexdigest()}
    return entry, texts


def held_out(document):
    return int(hashlib.sha256(document.encode()).hexdigest()[:8], 16) % HELD_OUT == 0


def distinct(packages):
    """Yields (entry, document, text), every paragraph once; those of held-out documents come first and stay there."""
    seen = set()
    for wanted in (True, False):
        for entry, texts in packages:
            size = 0
            for document, kept in texts:
                if held_out(document) != wanted or size > CHARACTERS_PER_PACKAGE:
                    continue
                fresh = []
                for text in kept:
                    key = hashlib.sha1(re.sub(r"\W+|\d+", "", text.lower()).encode()).digest()
                    if key not in seen:
                        seen.add(key)
                        fresh.append(text)
                text = "\n".join(fresh)
                if len(text) >= CHARACTERS_PER_DOCUMENT:
                    size += len(text)
                    yield entry, document, text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--newest", action="store_true", help="the versions that apt has, whatever packages.txt says")
    args = parser.parse_args()
    debs, scratch = args.directory / "debs", args.directory / "unpacked"
    for directory in (debs, scratch):
        directory.mkdir(parents=True, exist_ok=True)
    names = (HERE / "packages.txt").read_text().split()
    files = [fetch(name, debs, args.newest) for name in names]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        packages = list(pool.map(read_package, [(f, scratch) for f in files]))
    texts = {True: [], False: []}
    for entry, document, text in distinct(packages):
        side = held_out(document)
        texts[side].append(text)
        for key, more in (("documents", 1), ("bytes", len(text.encode())), ("held_out_documents", int(side))):
            entry[key] = entry.get(key, 0) + more
    manifest = {"packages": [entry for entry, _ in packages if "documents" in entry]}
    for side, name in ((False, "train"), (True, "heldout")):
        data = "\0".join(texts[side]).encode()
        (args.directory / f"{name}.txt.zst").write_bytes(zstandard.compress(data, 9))
        manifest[name] = {"documents": len(texts[side]), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (args.directory / "corpus.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(json.dumps({name: manifest[name] for name in ("train", "heldout")}))


if __name__ == "__main__":
    main()
