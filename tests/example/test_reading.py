"""What the example finds in source code."""

from pathlib import Path

from symbols.reading import Kind, Reading, module_paths, read_module
from tests.example.conftest import write

EVERYTHING = """
LIMIT, REST = 3, 4
limit = 5
TYPED: int = 6

if LIMIT:
    def chosen(): ...
else:
    def chosen(): ...

try:
    import nothing
except ImportError:
    class Instead: ...

class Outer:
    SIZE = 1

    class Inner:
        async def method(self):
            HIDDEN = 1
            def hidden(): ...
"""


def found_in(library: Path, source: str) -> list[tuple[Kind, str, int]]:
    write(library, "module.py", source)
    return [(found.kind, found.name, found.line) for found in read_module(library, "module.py").definitions]


def test_functions_classes_methods_and_constants_are_found_with_their_lines(tmp_path: Path) -> None:
    assert found_in(tmp_path, EVERYTHING) == [
        (Kind.CONSTANT, "LIMIT", 2),
        (Kind.CONSTANT, "REST", 2),
        (Kind.CONSTANT, "TYPED", 4),
        (Kind.FUNCTION, "chosen", 7),
        (Kind.FUNCTION, "chosen", 9),
        (Kind.CLASS, "Instead", 14),
        (Kind.CLASS, "Outer", 16),
        (Kind.CONSTANT, "Outer.SIZE", 17),
        (Kind.CLASS, "Outer.Inner", 19),
        (Kind.METHOD, "Outer.Inner.method", 20),
    ]


def test_an_empty_module_defines_nothing(tmp_path: Path) -> None:
    assert found_in(tmp_path, "") == []


def test_what_was_installed_into_the_library_is_not_of_it(library: Path) -> None:
    assert module_paths(library) == ["broken.py", "json/__init__.py", "json/tests/test_dumps.py", "shapes.py"]


def test_a_package_bears_the_name_of_its_directory() -> None:
    assert Reading("json/__init__.py").module == "json"
    assert Reading("json/decoder.py").module == "json.decoder"


def test_the_reading_of_a_broken_module_carries_the_error(library: Path) -> None:
    reading = read_module(library, "broken.py")

    assert isinstance(reading.error, SyntaxError)
    assert reading.digest
    assert reading.definitions == ()


def test_the_reading_of_a_missing_module_carries_the_error(library: Path) -> None:
    assert isinstance(read_module(library, "missing.py").error, FileNotFoundError)


def test_a_module_in_a_wrong_encoding_cannot_be_read(library: Path) -> None:
    (library / "latin.py").write_bytes("name = 'größe'\n".encode("latin-1"))

    assert isinstance(read_module(library, "latin.py").error, SyntaxError)
