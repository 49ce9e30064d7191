"""The house's import rule: a module imports only from rows below its own, and never from its own row."""

import ast
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "overproof"

# From the top of the pipeline to its foundations; a module imports only from rows below its own.
ROWS = [
    {"__main__"},
    {"cli"},
    {"prove", "library"},
    {"pilot"},
    {"evaluation"},
    {"pipeline"},
    {"view"},
    {"report", "export", "train", "grpo"},
    {"student"},
    {"sampling", "selection", "importing", "suspects", "starting"},
    {"rewards", "hygiene", "audit", "judge"},
    {"grading", "problems", "teacher"},
    {"language", "estimators", "completion", "mending", "rows"},
    {"engine", "freshness"},
    {"runfolder"},
    {"integrity"},
    {"journal", "config"},
    {"tiny"},
    {"prompts"},
    {"resources", "spawning", "stopping", "wording", "lettering"},
    {"extensions"},
    {"records", "errors", "keys", "places", "braces"},
]
LONGEST_FUNCTION = 45
"""Lines of a body: what fits a screen."""
ROW_OF = {module: number for number, row in enumerate(ROWS) for module in row}


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def owner(path: Path) -> str:
    """The top-level module or package that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Top-level overproof modules that a file imports anywhere, function bodies included."""
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= (
                {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "overproof" else {node.module}
            )
    names = {name.split(".")[1] for name in found if name.startswith("overproof.")}
    return names - {"__version__"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_from_rows_below_its_own(path: Path) -> None:
    own = owner(path)
    assert own in ROW_OF, f"{own} has no place in the house: give it a row"
    wrong = {name for name in imported(path) - {own} if ROW_OF[name] <= ROW_OF[own]}
    assert not wrong, f"{path.name} ({own}) imports {sorted(wrong)}, which lie in its own row or above"


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("openai", {"teacher"}),
        ("math_verify", {"grading"}),
        ("ray", {"engine"}),
        ("rensa", {"hygiene"}),
        ("huggingface_hub", {"export"}),
        ("trl", {"train", "grpo"}),
    ],
)
def test_a_foreign_library_lives_in_one_place(library: str, homes: set[str]) -> None:
    users = set()
    for path in modules():
        for node in ast.walk(parsed(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            if any(name.split(".")[0] == library for name in names):
                users.add(owner(path))
    assert users <= homes, f"{library} belongs to {sorted(homes)} but is imported by {sorted(users)}"


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path) for path in modules() if not ast.get_docstring(parsed(path))]
    assert not silent


def test_no_module_of_report_or_view_imports_its_own_package_as_a_whole() -> None:
    """The package imports its modules, so that would be a circle."""
    circles = [
        f"{path.relative_to(SOURCE)} imports from overproof.{owner(path)}"
        for path in modules()
        if owner(path) in {"report", "view"} and path.name != "__init__.py"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module == f"overproof.{owner(path)}"
    ]
    assert circles == []


DOORS = {
    "journal.py": "the door itself",
    "runfolder/storage.py": "parts that several machines write, each under a name that must be free",
    "evaluation/serving.py": "a private folder that goes with the process",
    "extensions.py": "modules of the user, unpacked to be imported",
    "tiny/model.py": "makes the shipped models",
    "tiny/export.py": "makes the shipped models",
    "tiny/making.py": "makes the shipped models",
    "tiny/train.py": "makes the shipped models",
    "tiny/engine.py": "moves rows of a cache",
    "cli/help.py": "writes text to a terminal",
    "language/measure.py": "renames a count",
}
"""Files that may write otherwise than through `journal`, and why."""


def writes_by_itself(call: ast.Call) -> bool:
    """Whether a call makes, fills, copies or renames a file."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "open":
        modes = [
            one.value for one in (*call.args, *(key.value for key in call.keywords)) if isinstance(one, ast.Constant)
        ]
        return any(isinstance(mode, str) and set(mode) & set("wax+") and len(mode) <= 3 for mode in modes)
    renames = name in {"replace", "rename"} and len(call.args) == 1 and not call.keywords
    writes = name in {"write_text", "write_bytes", "copyfile", "copy2", "copytree", "move", "mkstemp"}
    return isinstance(call.func, ast.Attribute) and (renames or writes)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_are_written_through_one_door(path: Path) -> None:
    """Whole, on disk before they are renamed, and never through a link that somebody has left in the folder."""
    if str(path.relative_to(SOURCE)) in DOORS:
        return
    calls = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    lines = [call.lineno for call in calls if writes_by_itself(call)]
    assert not lines, f"{path.name} writes a file by itself in lines {lines}: use journal.new_file or new_path"


def test_a_name_stands_for_one_class_and_for_one_file() -> None:
    """But `config` names a table after the stage that it sets up, and `tiny` its parts after what they are small of."""
    classes: dict[str, list[str]] = {}
    files: dict[str, list[str]] = {}
    for path in modules():
        place = str(path.relative_to(SOURCE))
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name.lstrip("_"), []).append(place)
        name = path.parent.name if path.stem == "__init__" else path.stem
        if owner(path) not in {"config", "tiny"} and name != "__main__":
            files.setdefault(name, []).append(place)
    assert {name: places for name, places in (classes | files).items() if len(places) > 1} == {}


def test_no_package_hides_a_module_of_its_own_behind_what_it_imports() -> None:
    """`package.name` would be a function for some and a module for others."""
    hidden = [
        f"{path.parent.name}.{alias.asname or alias.name}"
        for path in modules()
        if path.name == "__init__.py"
        for node in parsed(path).body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.count(".") > 1
        for alias in node.names
        if (path.parent / f"{alias.asname or alias.name}.py").exists()
    ]
    assert hidden == []


def test_a_function_is_short_enough_to_be_seen_whole() -> None:
    """Neither the options in a command's signature nor the docstring count, which are read apart."""
    long = {}
    for path in modules():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if lines > LONGEST_FUNCTION:
                    long[f"{path.relative_to(SOURCE)}: {node.name}"] = lines
    assert long == {}
