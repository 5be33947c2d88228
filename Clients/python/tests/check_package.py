"""Builds the wheel and the source package, and looks into them: check_package.py (in a venv).

Needs build, twine and setuptools. Installs the wheel into the environment that runs it, and looks
whether it is found there, with its types and its pytest fixtures.
"""

import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

FOLDER = pathlib.Path(__file__).resolve().parents[1]
ROOT = FOLDER.parents[1]
INSTALLED = """
import importlib.metadata, importlib.resources, millrace
assert "site-packages" in millrace.__file__, millrace.__file__
assert importlib.metadata.version("millrace") == millrace.__version__
assert (importlib.resources.files(millrace) / "py.typed").is_file()
assert "millrace.pytest_plugin" in [one.value for one in importlib.metadata.entry_points(group="pytest11")]
for name in millrace.__all__:
    getattr(millrace, name)
"""


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def main():
    if (FOLDER / "LICENSE").read_bytes() != (ROOT / "LICENSE").read_bytes():
        sys.exit("Clients/python/LICENSE is not the repository's")
    with tempfile.TemporaryDirectory() as folder:
        # A copy, so that nothing is left beside the sources.
        source = pathlib.Path(folder) / "source"
        shutil.copytree(FOLDER, source, ignore=shutil.ignore_patterns(
            "__pycache__", "*.egg-info", "build", "dist", ".mypy_cache", ".pytest_cache"))
        output = pathlib.Path(folder) / "dist"
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", output, cwd=source)
        wheel, = output.glob("*.whl")
        archive, = output.glob("*.tar.gz")
        print(run(sys.executable, "-m", "twine", "check", "--strict", wheel, archive,
                  cwd=folder).strip())
        names = zipfile.ZipFile(wheel).namelist()
        modules = {f"millrace/{path.name}" for path in (FOLDER / "millrace").glob("*.py")}
        missing = (modules | {"millrace/py.typed"}) - set(names)
        if missing or not any(name.endswith("licenses/LICENSE") for name in names):
            sys.exit(f"{wheel.name} lacks {sorted(missing) or 'LICENSE'}")
        if any(name.startswith("tests") for name in names):
            sys.exit(f"{wheel.name} holds tests")
        with tarfile.open(archive) as tar:
            if not any(name.endswith("/py.typed") for name in tar.getnames()):
                sys.exit(f"{archive.name} lacks py.typed")
        run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall",
            wheel, cwd=folder)
        run(sys.executable, "-c", INSTALLED, cwd=folder)
        print(f"{wheel.name}: {len(names)} files, found where it was installed")


if __name__ == "__main__":
    main()
