"""Runs the programs of this folder in one process, so that torch is imported once.

  python serve.py
      reads requests from stdin, a line each: a JSON list of a program and its arguments, such as
      ["step.py", "trace-000000.safetensors"]; answers with the program's report, a line, or {"error": "…"}. A program
      that is told to --follow reads its file names from the same stdin, until an empty line.
"""

import importlib
import json
import sys


def answer(script, *arguments):
    sys.argv = [script, *arguments]
    try:
        importlib.import_module(script.removesuffix(".py")).main()
    except SystemExit:
        # argparse, which has told its reason on stderr.
        print(json.dumps({"error": f"{script} does not take {' '.join(arguments)}"}))
    except Exception as error:
        print(json.dumps({"error": f"{script}: {type(error).__name__}: {error}"}))
    sys.stdout.flush()


if __name__ == "__main__":
    for line in iter(sys.stdin.readline, ""):
        # A file name for a program that has ended with an error: its asker has been told.
        if line.startswith("["):
            answer(*json.loads(line))
