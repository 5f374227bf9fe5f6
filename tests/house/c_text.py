"""C source without what could be mistaken for code, and the functions in it."""
import re

NOISE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
# A macro with its continuation lines: braces in it need not balance.
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
NAME = re.compile(r"(\w+)\s*\((?:[^()]|\([^()]*\))*\)(?:\s*__attribute__\s*\(\(.*?\)\))*\s*$", re.DOTALL)


def blank(match):
    """As many lines as before, so that line numbers stay true."""
    return re.sub(r"[^\n]", " ", match.group())


def without_noise(text):
    return DIRECTIVE.sub(blank, NOISE.sub(blank, text))


def functions(text):
    """(name, first line, number of lines) of each body, its braces included."""
    code = without_noise(text)
    depth = 0
    start = None
    last_end = 0
    for at, char in enumerate(code):
        if char == "{":
            if depth == 0:
                match = NAME.search(code[last_end:at])
                start = (match.group(1) if match else None, at)
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                name, first = start
                if name:
                    line = code.count("\n", 0, first) + 1
                    yield name, line, code.count("\n", first, at) + 1
                last_end = at + 1
        elif char == ";" and depth == 0:
            last_end = at + 1
