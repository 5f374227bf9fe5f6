#!/usr/bin/env python3
"""Nothing grows past what can be read at a sitting: lines of a file, of a header, of a function."""
import ast
import sys

from c_text import functions
from source_files import ROOT, source_files

FILE_LINES = 600
HEADER_LINES = 150
FUNCTION_LINES = 80
SUFFIXES = (".c", ".h", ".py", ".sh", ".ts", ".tsx", ".vue", ".js", ".mjs", ".css", ".cmake")


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def complaints(name, text):
    lines = text.count("\n")
    limit = HEADER_LINES if name.suffix == ".h" else FILE_LINES
    if lines > limit:
        yield f"{name}: {lines} lines, at most {limit}"
    measure = {".c": functions, ".h": functions, ".py": python_functions}.get(name.suffix)
    for function, line, length in measure(text) if measure else ():
        if length > FUNCTION_LINES:
            yield f"{name}:{line}: {function}() has {length} lines, at most {FUNCTION_LINES}"


def main():
    names = source_files(*SUFFIXES)
    found = [text for name in names for text in complaints(name, (ROOT / name).read_text("utf-8"))]
    for text in found:
        print(text)
    print(f"limits: {len(names)} files, {len(found)} over a limit")
    return 1 if found or not names else 0


if __name__ == "__main__":
    sys.exit(main())
