"""Runs the programs of a model card as they stand, each in the card's folder.

  python card_programs.py FOLDER

FOLDER holds README.md, the exported files and image.png. Prints the embedding of each program, in their order, as JSON.
"""

import json
import os
import pathlib
import re
import sys

import numpy


def main():
    folder = pathlib.Path(sys.argv[1])
    programs = re.findall(r"^```python\n(.*?)^```$", (folder / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    before = os.getcwd()
    os.chdir(folder)
    try:
        found = []
        for program in programs:
            names = {}
            exec(compile(program, "README.md", "exec"), names)
            found.append(numpy.asarray(names["embeddings"])[0].tolist())
    finally:
        os.chdir(before)
    print(json.dumps({"embeddings": found}))


if __name__ == "__main__":
    main()
