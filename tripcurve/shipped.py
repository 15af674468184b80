"""Find files that are built in (labs, policies, scenarios) or that a user names.

The folders are found without importing their packages, because the core imports none of the other rooms.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tripcurve.errors import BadInput
from tripcurve.suggestions import known_names

__all__ = ["find_file", "shipped_folder", "shipped_names"]


def shipped_folder(folder: str) -> Path:
    """Return the installed path of a folder such as `provision/labs`. Raises BadInput if it is not installed."""
    package, _, rest = folder.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise BadInput(f"the package {package} is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / rest


def shipped_names(folder: str, suffix: str) -> list[str]:
    """Return the names, without suffix, of the built-in files in a folder, sorted."""
    return sorted(path.stem for path in shipped_folder(folder).glob(f"*{suffix}"))


def find_file(name: str | Path, folder: str, suffix: str, what: str, base: Path | None = None) -> Path:
    """Return the file for a path, or for the name of a built-in file.

    A path takes precedence over a built-in name. A relative path is looked up from `base`, unless that is None, and
    then from the working directory. Raises BadInput that lists the built-in names.
    """
    given = Path(name)
    shipped = shipped_folder(folder)
    bare = given.name == str(given)
    places = [base / given] if base is not None and not given.is_absolute() else []
    places.append(given)
    if bare:
        places += [shipped / given.name, shipped / f"{given.name}{suffix}"]
    for place in places:
        if place.is_file():
            return place
    known = known_names(given.stem, shipped_names(folder, suffix), f"built-in {what} names")
    raise BadInput(f"{what} {str(name)!r} not found: it is neither a file nor a built-in name{known}")
