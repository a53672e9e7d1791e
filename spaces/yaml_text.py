"""YAML in and out: PyYAML's safe loader, stricter where it would guess and kinder to floats.

- Tags (``!!python/object``) and aliases (``*name``) are refused; so is a key that stands twice.
- ``1e-3`` and ``-.5`` are numbers, as in YAML 1.2 (in 1.1, which PyYAML reads, they are text).
- Numbers are decimal. What the versions of YAML read as different numbers is refused: ``010``
  (eight or ten), ``1:20`` (eighty or text), ``0o17``, ``0x10``, ``0b11``, ``1_000``.
- Dates and merge keys have no special meaning.
"""

import re
from collections.abc import Hashable, Mapping
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from .faults import SpecError

_NUMBERS_BEGIN = "-+.0123456789"
_FLOAT_TAG = "tag:yaml.org,2002:float"
_FLOAT_1_2 = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_GUESSED_TAG = "!guessed"
_GUESSED = re.compile(
    r"""[-+]?(?:
        0[0-9_]+                                                 # octal, in YAML 1.1
      | 0[bBoOxX][0-9a-fA-F_]+
      | [0-9][0-9_]*(?::[0-9_]+)+(?:\.[0-9_]*)?                  # of base 60, in YAML 1.1
      | (?=[0-9.]+_)(?:[0-9][0-9_]*\.?|\.[0-9])[0-9_]*(?:[eE][-+]?[0-9_]+)?
    )$""",
    re.VERBOSE,
)
_NOT_READ = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's class attribute)
        first: [
            *([(_GUESSED_TAG, _GUESSED)] if first in _NUMBERS_BEGIN else []),  # before the others
            *((tag, pattern) for tag, pattern in resolvers if tag not in _NOT_READ),
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # untyped in the stubs
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            problem = f"the alias *{event.anchor} is not allowed; write the value out"
            raise ConstructorError(None, None, problem, mark)
        tag = getattr(event, "tag", None)
        if tag is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            problem = f"the tag {shown} is not allowed: it could build an object; use plain values"
            raise ConstructorError(None, None, problem, mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f"the key {key.value!r} stands twice; keep one"
                raise ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except ValueError as error:  # such as an integer of more than 4300 digits
            raise ConstructorError(None, None, str(error), node.start_mark) from None


class _Dumper(yaml.SafeDumper):
    """Puts text in quotes that the loader above would read as a number; writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _refuse_guess(loader: _Loader, node: yaml.ScalarNode) -> None:
    problem = (
        f"{node.value} means different numbers in different versions of YAML; write it in decimal, "
        "with digits alone and no zero before them (text: in quotes)"
    )
    raise ConstructorError(None, None, problem, node.start_mark)


for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver(_FLOAT_TAG, _FLOAT_1_2, list(_NUMBERS_BEGIN))
_Dumper.add_implicit_resolver(_GUESSED_TAG, _GUESSED, list(_NUMBERS_BEGIN))
_Loader.add_constructor(_GUESSED_TAG, _refuse_guess)


def read_yaml(text: str, *, source: str) -> Any:
    """Return the plain data in `text`; `source` names it in the fault.

    Raises:
        SpecError: one fault, which names the line.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = error.problem or error.context
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character {chr(error.character)!r} is not allowed"
    except RecursionError:
        line, problem = 1, "it is nested too deeply"
    raise SpecError([f"{source}, line {line}: not readable as YAML: {problem}"])


def write_yaml(mapping: Mapping[str, Any]) -> str:
    """Return `mapping` as YAML, its innermost lists and mappings on one line each."""
    return yaml.dump(
        dict(mapping), Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=100
    )
