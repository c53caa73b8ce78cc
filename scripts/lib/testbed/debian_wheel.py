#!/usr/bin/env python3
"""Makes a wheel of an unpacked Debian python3-* package.

Usage: debian_wheel.py TREE OUT

Such a package holds in usr/lib/python3/dist-packages what pip would have installed, with the metadata of either
kind (dist-info or egg-info). A wheel is the same files zipped, with METADATA, WHEEL and RECORD.
"""
import base64
import hashlib
import pathlib
import re
import sys
import zipfile


def metadata_of(info):
    """METADATA text from a dist-info folder, an egg-info folder or an egg-info file."""
    if info.is_file():
        return info.read_text()
    if (info / "METADATA").exists():
        return (info / "METADATA").read_text()
    head, _, body = (info / "PKG-INFO").read_text().partition("\n\n")
    requires = info / "requires.txt"
    if requires.exists() and "Requires-Dist:" not in head:
        plain = requires.read_text().split("[", 1)[0].split("\n")  # sections are extras
        head += "".join(f"\nRequires-Dist: {line.strip()}" for line in plain if line.strip())
    return f"{head}\n\n{body}"


def field(metadata, name):
    return re.search(rf"^{name}: *(\S+)", metadata, re.M).group(1)


def tag_of(files):
    """A compiled module says in its own name which interpreter and platform it is for."""
    for path in files:
        match = re.search(r"\.cpython-(\d+)-(\w+)-linux-gnu\.so$", path.name)
        if match:
            return f"cp{match[1]}-cp{match[1]}-linux_{match[2]}"
        match = re.search(r"\.abi3\.so$", path.name)
        if match:
            raise SystemExit(f"{path}: abi3 module: no platform in its name")
    return "py3-none-any"


def digest(data):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def main(tree, out):
    site = pathlib.Path(tree, "usr/lib/python3/dist-packages")
    info = next(p for p in sorted(site.iterdir()) if p.suffix in (".dist-info", ".egg-info"))
    metadata = metadata_of(info)
    files = [p for p in sorted(site.rglob("*")) if p.is_file() and info not in (p, *p.parents)]
    tag = tag_of(files)
    stem = f"{re.sub(r'[-_.]+', '_', field(metadata, 'Name')).lower()}-{field(metadata, 'Version')}"
    content = {str(p.relative_to(site)): p.read_bytes() for p in files}
    content[f"{stem}.dist-info/METADATA"] = metadata.encode()
    content[f"{stem}.dist-info/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tandem-testbed\nRoot-Is-Purelib: {str(tag.startswith('py3')).lower()}\n"
        f"Tag: {tag}\n"
    ).encode()
    record = "".join(f"{name},{digest(data)},{len(data)}\n" for name, data in content.items())
    content[f"{stem}.dist-info/RECORD"] = f"{record}{stem}.dist-info/RECORD,,\n".encode()
    with zipfile.ZipFile(pathlib.Path(out, f"{stem}-{tag}.whl"), "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in content.items():
            wheel.writestr(name, data)


main(*sys.argv[1:])
