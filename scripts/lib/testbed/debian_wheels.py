#!/usr/bin/env python3
"""Makes wheels of Debian's python3-* packages.

Usage: debian_wheels.py DEBS OUT        one wheel in OUT for each *.deb in DEBS

Such a package holds in usr/lib/python3/dist-packages what pip would have installed, with metadata of one kind or the
other (dist-info or egg-info). A wheel is the same files zipped, with METADATA, WHEEL and RECORD. Debian's build moves
what a distribution requires out of its metadata and into the package's Depends, so it is taken from there.
"""
import base64
import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile


class Package:
    def __init__(self, deb, tree):
        subprocess.run(["dpkg-deb", "-x", deb, tree], check=True)
        fields = subprocess.run(["dpkg-deb", "-f", deb, "Package", "Depends"], check=True, capture_output=True, text=True)
        self.name = re.search(r"^Package: (\S+)", fields.stdout, re.M).group(1)
        depends = fields.stdout.partition("Depends: ")[2].split(",")
        self.depends = [d.split()[0] for d in depends if d.strip() and "|" not in d]
        self.site = pathlib.Path(tree, "usr/lib/python3/dist-packages")
        self.info = next(p for p in sorted(self.site.iterdir()) if p.suffix in (".dist-info", ".egg-info"))
        self.metadata = self.read_metadata()
        self.distribution = self.field("Name")

    def read_metadata(self):
        if self.info.is_file():
            return self.info.read_text()
        name = "METADATA" if self.info.suffix == ".dist-info" else "PKG-INFO"
        return (self.info / name).read_text()

    def field(self, name):
        return re.search(rf"^{name}: *(\S+)", self.metadata, re.M).group(1)

    def tag(self, files):
        """A compiled module says in its own name which interpreter and platform it is for."""
        for path in files:
            match = re.search(r"\.cpython-(\d+)-(\w+)-linux-gnu\.so$", path.name)
            if match:
                return f"cp{match[1]}-cp{match[1]}-linux_{match[2]}"
            if path.suffix == ".so":
                raise SystemExit(f"{path}: no platform in its name")
        return "py3-none-any"

    def wheel(self, out, packages):
        head, _, body = self.metadata.partition("\n\n")
        head = re.sub(r"^Requires-Dist:.*\n?", "", head, flags=re.M).rstrip("\n")
        for package in packages:
            if package.name in self.depends:
                head += f"\nRequires-Dist: {package.distribution}"
        files = [p for p in sorted(self.site.rglob("*")) if p.is_file() and self.info not in (p, *p.parents)]
        tag = self.tag(files)
        stem = f"{re.sub(r'[-_.]+', '_', self.distribution).lower()}-{self.field('Version')}"
        content = {str(p.relative_to(self.site)): p.read_bytes() for p in files}
        content[f"{stem}.dist-info/METADATA"] = f"{head}\n\n{body}".encode()
        content[f"{stem}.dist-info/WHEEL"] = (
            "Wheel-Version: 1.0\nGenerator: tandem-testbed\n"
            f"Root-Is-Purelib: {str(tag.startswith('py3')).lower()}\nTag: {tag}\n"
        ).encode()
        record = "".join(f"{name},{digest(data)},{len(data)}\n" for name, data in content.items())
        content[f"{stem}.dist-info/RECORD"] = f"{record}{stem}.dist-info/RECORD,,\n".encode()
        with zipfile.ZipFile(pathlib.Path(out, f"{stem}-{tag}.whl"), "w", zipfile.ZIP_DEFLATED) as wheel:
            for name, data in content.items():
                wheel.writestr(name, data)


def digest(data):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def main(debs, out):
    with tempfile.TemporaryDirectory() as scratch:
        packages = [Package(deb, f"{scratch}/{deb.name}") for deb in sorted(pathlib.Path(debs).glob("*.deb"))]
        for package in packages:
            package.wheel(out, packages)


main(*sys.argv[1:])
