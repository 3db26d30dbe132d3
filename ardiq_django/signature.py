"""The signature of a function, whose annotations may name what is only there for type checkers."""

import inspect
import sys
from collections.abc import Callable
from typing import Any


def signature_of(fn: Callable[..., Any]) -> inspect.Signature:
    """How `fn` may be called; an annotation that cannot be evaluated stays as it is written."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        # annotations are evaluated when they are asked for there, and a name imported under TYPE_CHECKING is missing
        return inspect.signature(fn, annotation_format=Format.FORWARDREF)
    return inspect.signature(fn)
