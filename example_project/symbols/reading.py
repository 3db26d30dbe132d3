"""Reading source code: the modules of a library, and what each of them defines. Nothing here knows Django."""

import ast
import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

NOT_THE_LIBRARY = {"site-packages", "dist-packages", "__pycache__"}


class Kind(StrEnum):
    """What a symbol can be."""

    FUNCTION = "function"
    CLASS = "class"
    METHOD = "method"
    CONSTANT = "constant"

    @property
    def plural(self) -> str:
        return f"{self}es" if self.endswith("s") else f"{self}s"


@dataclass(frozen=True, slots=True)
class Definition:
    """A name and the line that defines it; a method's name begins with its class."""

    kind: Kind
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one module holds, or the error that kept us from knowing."""

    path: str
    digest: str = ""
    size_bytes: int = 0
    definitions: tuple[Definition, ...] = ()
    error: Exception | None = None

    @property
    def module(self) -> str:
        """The module's dotted name."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def counts(self) -> Mapping[str, int]:
        """How many definitions of each kind there are."""
        return Counter(str(found.kind) for found in self.definitions)


def module_paths(library: Path) -> list[str]:
    """The paths of all modules below `library`, without what was installed into it."""
    found: list[str] = []
    for directory, subdirectories, files in os.walk(library):
        subdirectories[:] = set(subdirectories) - NOT_THE_LIBRARY
        place = Path(directory).relative_to(library)
        found += [(place / file).as_posix() for file in files if file.endswith(".py")]
    return sorted(found)


def read_module(library: Path, path: str) -> Reading:
    """Read and parse one module. Never raises for a module that cannot be read: the reading carries the error."""
    try:
        source = (library / path).read_bytes()
    except OSError as error:
        return Reading(path, error=error)
    facts = (path, digest_of(source), len(source))
    try:
        return Reading(*facts, tuple(definitions(ast.parse(source, path).body)))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Reading(*facts, error=error)


def ignore_remarks() -> None:
    """Let this process parse in silence: what the compiler has to say about somebody's style is not our news."""
    warnings.filterwarnings("ignore", category=SyntaxWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning, message="invalid (octal )?escape sequence")


def digest_of(source: bytes) -> str:
    """A text that is the same for the same source."""
    return hashlib.blake2b(source, digest_size=16).hexdigest()


def definitions(body: Iterable[ast.AST], owner: str = "") -> Iterator[Definition]:
    """What these statements define, in their order; what a function defines inside itself is its own affair."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield Definition(Kind.METHOD if owner else Kind.FUNCTION, owner + node.name, node.lineno)
            case ast.ClassDef():
                yield Definition(Kind.CLASS, owner + node.name, node.lineno)
                yield from definitions(node.body, f"{owner}{node.name}.")
            case ast.Assign() | ast.AnnAssign():
                yield from _constants(node, owner)
            case ast.stmt() | ast.ExceptHandler() | ast.match_case():
                yield from definitions(ast.iter_child_nodes(node), owner)


def _constants(node: ast.Assign | ast.AnnAssign, owner: str) -> Iterator[Definition]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        for name in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(name, ast.Name) and name.id.isupper():
                yield Definition(Kind.CONSTANT, owner + name.id, name.lineno)
