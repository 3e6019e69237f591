"""Build the wheel, install it into a fresh environment and use it there, away from the sources."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

USE = """
import importlib.metadata, pathlib, sys
import netra_testkit

home = pathlib.Path(netra_testkit.__file__)
assert home.is_relative_to(sys.prefix), home
assert (home.parent / "py.typed").is_file()
assert netra_testkit.__version__ == importlib.metadata.version("netra-testkit")
names = [name for name in netra_testkit.__all__ if name != "STAGING_CONFIG"]
for name in names:
    getattr(netra_testkit, name)
assert len(names) > 30, names
print(f"   {len(names)} public names of {netra_testkit.__version__} load from the wheel")
"""


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command and stop with its output when it fails."""
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)  # noqa: S603 - our own commands
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    sys.stdout.write(done.stdout)


def main() -> None:
    """Build, look inside, install, use."""
    with tempfile.TemporaryDirectory(prefix="netra-testkit-wheel-") as name:
        folder = Path(name)
        built = folder / "dist"
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built, cwd=ROOT)
        [wheel] = built.glob("*.whl")
        tops = {each.split("/")[0] for each in zipfile.ZipFile(wheel).namelist()}
        strangers = {top for top in tops if not top.startswith("netra_testkit")}
        if strangers:
            sys.exit(f"the wheel holds more than the package: {sorted(strangers)}")
        environment = folder / "environment"
        venv.create(environment, with_pip=True)
        python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        run(
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            wheel,
            cwd=folder,
        )
        run(python, "-I", "-W", "error", "-c", USE, cwd=folder)


if __name__ == "__main__":
    main()
