"""Make the samples again, each where its program is installed: `python -m tests.support.samples.make`.

They were made on Debian 12 with Info-ZIP zip 3.0 (3.0-13+deb12u1), 7-Zip 26.02, bsdtar 3.6.2, OpenJDK 17 and Go 1.19.
Their contents are written by `write_source`, or by the writers beside this folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.tools import find

HERE = Path(__file__).parent
WRITERS = HERE.parent / "writers"

RECIPES = {
    "zip-deflated.zip": "zip -q -r -9 OUT source",
    "zip-stored.zip": "zip -q -r -0 OUT source",
    "zip-bare.zip": "zip -q -r -X -D OUT source",
    "zip-links.zip": "zip -q -r -y OUT source",
    "zip-zip64.zip": "zip -q -r -fz OUT source",
    "zip-appended.zip": "zip -q -r OUT source && zip -q OUT source/marks",
    "zip-piped.zip": "zip -q -r - source | cat > OUT",
    "zip-piped-stored-links.zip": "zip -q -r -0 -y - source | cat > OUT",
    "zip-locked.zip": "zip -q -r -P secret OUT source",
    "7z-deflate.zip": "7z a -tzip -mm=Deflate -mx=9 -mcu=on OUT source",
    "7z-old-names.zip": "7z a -tzip -mm=Deflate -mx=1 -mcu=off OUT source",
    "7z-times.zip": "7z a -tzip -mm=Deflate -mx=1 -mtc=on OUT source",
    "7z-deflate64.zip": "7z a -tzip -mm=Deflate64 OUT source",
    "7z-bzip2.zip": "7z a -tzip -mm=BZip2 OUT source",
    "7z-lzma.zip": "7z a -tzip -mm=LZMA OUT source",
    "7z-locked.zip": "7z a -tzip -mm=Deflate -mem=AES256 -psecret OUT source",
    "bsdtar-deflated.zip": "bsdtar --format=zip -cf OUT source",
    "bsdtar-stored.zip": "bsdtar --format=zip --options zip:compression=store -cf OUT source",
    "bsdtar-zip64.zip": "bsdtar --format=zip --options zip:zip64 -cf OUT source",
    "jar-deflated.jar": "jar cf OUT -C source .",
    "jar-stored.jar": "jar c0f OUT -C source .",
    "java-deflated.zip": "java WRITERS/Odd.java . && cp java-9-9.zip OUT",
    "java-stored.zip": "java WRITERS/Odd.java . && cp java-stored.zip OUT",
    "java-empty.zip": "java WRITERS/Odd.java . && cp java-empty.zip OUT",
    "go-deflated.zip": "go run WRITERS/odd.go . && cp go-9-8-13.zip OUT",
    "go-stored.zip": "go run WRITERS/odd.go . && cp go-small.zip OUT",
    "go-empty.zip": "go run WRITERS/odd.go . && cp go-empty.zip OUT",
    "go-raw.zip": "go run WRITERS/odd.go . && cp go-raw.zip OUT",
}
"""Sample → the shell's line that made it; the first word is its program."""
BY_STRUCTURE = frozenset({"zip-locked.zip", "7z-deflate64.zip", "7z-bzip2.zip", "7z-lzma.zip", "7z-locked.zip"})
"""Samples whose contents nothing of Python's can check; all others are proved by the checksums of their members."""


def write_source(folder: Path) -> None:
    """Write small files as a user may have them."""
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty folder").mkdir()
    (folder / "deep" / "ä ö.tif").write_bytes(bytes(range(256)) * 2)
    (folder / "deep" / "er" / "zeros.bin").write_bytes(bytes(1200))
    (folder / "nothing").write_bytes(b"")
    (folder / "marks").write_bytes(b"PK\x03\x04PK\x07\x08PK\x01\x02PK\x05\x06" * 9)
    (folder / "link").symlink_to("nothing")


def make(name: str) -> None:
    """Make one sample."""
    with tempfile.TemporaryDirectory() as empty:
        write_source(Path(empty, "source"))
        made = Path(empty, "made", name)
        made.parent.mkdir()
        line = RECIPES[name].replace("OUT", str(made)).replace("WRITERS", str(WRITERS))
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", "GO111MODULE": "off"}
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line], cwd=empty, env=environment, check=True, stdout=subprocess.DEVNULL
        )
        shutil.copyfile(made, HERE / name)


if __name__ == "__main__":
    for sample, recipe in RECIPES.items():
        if find(recipe.split()[0]):
            make(sample)
        else:
            print(f"left as it is, for want of {recipe.split()[0]}: {sample}")
