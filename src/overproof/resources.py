"""Where the files that ship with the package are: beside it in a wheel, at the top of the repository in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def bundled(name: str) -> Path:
    """The path of `configs`, `tiny-teacher` or another bundled folder. Raises FileNotFoundError naming it."""
    checkout = _PACKAGE.parents[1]
    for place in (_PACKAGE / "_bundled" / name, checkout / name, checkout / "data" / name):
        if place.exists():
            return place
    raise FileNotFoundError(f"this installation of overproof lacks its bundled '{name}'; reinstall the package")


def shipped_configs() -> list[str]:
    """The names of the configs that ship with the package."""
    return sorted(file.stem for file in bundled("configs").glob("*.yaml"))


def guide_pages(language: str) -> dict[str, Path]:
    """The pages of the guide in a language (en or zh), by topic."""
    folder = _PACKAGE / "guide"
    return {page.stem: page for page in sorted((folder if language == "en" else folder / language).glob("*.md"))}
