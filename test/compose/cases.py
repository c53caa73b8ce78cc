"""The case files of test/cases: many small projects in one text file.

    === name of the case          a new case
    @args -f a.yaml --profile x   arguments before `config` (optional; split as a shell would)
    @env A=b C='d e'              the whole environment besides HOME and PATH (optional)
    @service                      the lines up to the next mark are the keys of one service, `app`
    --- path/of/a/file            the lines up to the next mark are that file's; before any mark: compose.yaml

Lines that start with `#` before the first case are comments. What is expected stands beside, in NAME.expected.json.
"""

import json
import os
import pathlib
import shlex
import shutil

CASES = pathlib.Path(__file__).resolve().parent.parent / "cases"
# A fixed place, since absolute paths go into config-hash; a lock keeps two runs apart.
ROOT = "/tmp/tandem-cases"
PLACE = "@DIR@"


class Case:
    def __init__(self, section, name):
        self.section, self.name = section, name
        self.args, self.env, self.files = [], {}, {}

    def write(self):
        """Lays the case's files out under ROOT/project and returns that folder."""
        shutil.rmtree(ROOT, ignore_errors=True)
        folder = os.path.join(ROOT, "project")
        os.makedirs(folder)
        for path, lines in self.files.items():
            target = os.path.join(folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="utf-8") as out:
                out.write("".join(line + "\n" for line in lines))
        return folder

    def environment(self):
        return {"HOME": "/home/user", "PATH": "/usr/bin:/bin", **self.env}


def read(path):
    """All cases of one case file."""
    cases, into, indent = [], None, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == "===":
            cases.append(Case(path.stem, rest.strip()))
            into, indent = None, ""
        elif not cases:
            continue
        elif word == "---" and rest:
            into, indent = cases[-1].files.setdefault(rest.strip(), []), ""
        elif word == "@args":
            cases[-1].args = shlex.split(rest)
        elif word == "@env":
            cases[-1].env = dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif word == "@service":
            into = cases[-1].files.setdefault("compose.yaml", [])
            into += ["services:", "  app:", "    image: alpine"]
            indent = "    "
        else:
            if into is None:
                into = cases[-1].files.setdefault("compose.yaml", [])
            into.append(indent + line if line else line)
    for case in cases:
        for lines in case.files.values():
            while lines and not lines[-1]:
                lines.pop()
    return cases


def expected_path(path):
    return path.with_suffix(".expected.json")


def read_expected(path):
    at = expected_path(path)
    return json.loads(at.read_text(encoding="utf-8")) if at.exists() else {}


def write_expected(path, expected):
    text = json.dumps(expected, indent=1, ensure_ascii=False, sort_keys=True)
    expected_path(path).write_text(text + "\n", encoding="utf-8")
