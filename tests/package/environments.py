"""Run the suite under every supported Python found, or with the lowest allowed dependencies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


def answers(executable: str, version: str) -> bool:
    """Whether this executable runs and is of this version."""
    probe = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([executable, "-c", probe], check=False, capture_output=True, text=True)  # noqa: S603 - an interpreter found on this machine
    return done.returncode == 0 and done.stdout.strip() == version


def interpreter(version: str) -> str | None:
    """A working interpreter of this version: on PATH, or among those that pyenv keeps."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *map(str, kept.glob(f"{version}.*/bin/python"))]
    return next((each for each in candidates if each and answers(each, version)), None)


def run(*command: str | Path) -> None:
    """Run a command in the checkout; stop when it fails."""
    if subprocess.run(command, cwd=ROOT, check=False).returncode:  # noqa: S603 - our own commands
        sys.exit(f"failed: {' '.join(map(str, command))}")


def environment(name: str, python: str) -> Path:
    """A virtual environment of this name with a pip that knows dependency groups."""
    folder = ROOT / "build" / "environments" / name
    inside = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not inside.exists():
        run(python, "-m", "venv", folder)
        run(inside, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
    return inside


def suite(python: Path) -> None:
    """Run the tests, without coverage."""
    run(python, ROOT / "tests" / "package" / "company.py", python, "-m", "pytest", "--quiet")


def every() -> None:
    """The suite under each supported Python that this machine has, but for this one."""
    found = {version: interpreter(version) for version in SUPPORTED}
    for version, python in found.items():
        if python is None:
            print(f"== Python {version}: not found on this machine, not run")  # noqa: T201 - said, so that nobody takes silence for a pass
            continue
        if version == "{}.{}".format(*sys.version_info):
            print(f"== Python {version}: runs this, and the suite under it is `make test`")  # noqa: T201 - said, as above
            continue
        print(f"== the suite under Python {version}", flush=True)  # noqa: T201 - progress
        inside = environment(f"python{version}", python)
        run(inside, "-m", "pip", "install", "--quiet", "-e", ".[local]", "--group", "test")
        suite(inside)
    if not any(found.values()):
        sys.exit("no supported Python was found")


def lowest() -> None:
    """The suite with each runtime dependency at its lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    bounds = [*project["dependencies"], *project["optional-dependencies"]["local"]]
    pins = [re.sub(r">=", "==", bound) + ".*" for bound in bounds]
    constraints = ROOT / "build" / "lowest.txt"
    constraints.parent.mkdir(exist_ok=True)
    constraints.write_text("\n".join(pins) + "\n", "utf-8")
    print(f"== the suite with {', '.join(pins)}", flush=True)  # noqa: T201 - progress
    inside = environment("lowest", sys.executable)
    run(
        inside,
        "-m",
        "pip",
        "install",
        "--quiet",
        "-c",
        constraints,
        "-e",
        ".[local]",
        "--group",
        "test",
    )
    suite(inside)


if __name__ == "__main__":
    {"every": every, "lowest": lowest}[sys.argv[1]]()
