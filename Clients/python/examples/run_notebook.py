"""Executes gates.ipynb against a daemon: run_notebook.py [FOLDER for its pictures]

Needs nbclient, ipykernel and matplotlib. Fails where a cell does, or where a picture is missing.
"""

import base64
import os
import pathlib
import sys
import time

import nbformat
from nbclient import NotebookClient

FOLDER = pathlib.Path(__file__).resolve().parent
PICTURES_EXPECTED = 2


def main():
    # The kernel finds the package here, whether it is installed or not.
    os.environ["PYTHONPATH"] = str(FOLDER.parent)
    notebook = nbformat.read(FOLDER / "gates.ipynb", as_version=4)
    began = time.monotonic()
    NotebookClient(notebook, timeout=120, kernel_name="python3",
                   resources={"metadata": {"path": str(FOLDER)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code"
               for output in cell.outputs]
    pictures = [base64.b64decode(output.data["image/png"]) for output in outputs
                if "image/png" in output.get("data", {})]
    for output in outputs:
        if output.output_type == "stream":
            print(output.text, end="")
    if len(pictures) != PICTURES_EXPECTED or min(map(len, pictures)) < 5000:
        sys.exit(f"{[len(one) for one in pictures]} bytes of pictures; expected "
                 f"{PICTURES_EXPECTED} that show something")
    for number, picture in enumerate(pictures) if len(sys.argv) > 1 else ():
        (pathlib.Path(sys.argv[1]) / f"gates-{number}.png").write_bytes(picture)
    print(f"gates.ipynb: {len(pictures)} pictures in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
