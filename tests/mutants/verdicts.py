"""What became of the mutants: the cache of verdicts, the listed survivors, the table of results."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mutants.making import Mutant
from mutants.subjects import Subject
from support import REPOSITORY

FOLDER = Path(__file__).parent
SURVIVORS = FOLDER / "survivors.toml"
README = FOLDER / "README.md"
CACHE = REPOSITORY / ".cache" / "mutants"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"
HEAD = (
    "| Code | Mutants | Killed | By time alone | Survivors | Killed, % |\n"
    "| --- | --: | --: | --: | --: | --: |\n"
)
KILLED, TIMEOUT, SURVIVED = "killed", "timeout", "survived"
LEAST = 90  # percent that must be killed


class Cache:
    """The verdicts about the mutants of a subject, kept from run to run.

    Args:
        subject: whose.
        keep_killed: keep those that were killed, even if the tests have changed since.
    """

    def __init__(self, subject: Subject, keep_killed: bool = False) -> None:
        self.file = CACHE / f"{subject.name}.json"
        self.digest = subject.digest()
        self.verdicts: dict[str, str] = {}
        try:
            digest, verdicts = json.loads(self.file.read_text())
        except (OSError, ValueError):
            return
        if digest == self.digest:
            self.verdicts = verdicts
        elif keep_killed:
            self.verdicts = {key: what for key, what in verdicts.items() if what != SURVIVED}

    @staticmethod
    def _key(mutant: Mutant) -> str:
        return hashlib.sha256(mutant.code.encode("utf-8", "replace")).hexdigest()[:16]

    def get(self, mutant: Mutant) -> str | None:
        """The verdict about a mutant, if there is one."""
        return self.verdicts.get(self._key(mutant))

    def put(self, mutant: Mutant, verdict: str) -> None:
        """Keep a verdict."""
        self.verdicts[self._key(mutant)] = verdict
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps([self.digest, self.verdicts]))


def listed_survivors(name: str) -> Counter[tuple[str, str]]:
    """The mutations of a code of which survivors.toml says why they do not matter: (old, new)."""
    groups = tomllib.loads(SURVIVORS.read_text()).get(name, [])
    return Counter(tuple(mutation) for group in groups for mutation in group["mutations"])


@dataclass
class Result:
    """The result of one subject.

    Attributes:
        name: the subject's.
        mutants: how many there are.
        timeouts: how many of them were killed because their tests did not end.
        survivors: those that no test noticed.
        unlisted: those of them that survivors.toml does not have.
        superfluous: what survivors.toml has, and what did not survive.
    """

    name: str
    mutants: int
    timeouts: int
    survivors: list[Mutant]
    unlisted: list[Mutant] = field(init=False)
    superfluous: list[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        listed = listed_survivors(self.name)
        self.unlisted = [m for m in self.survivors if (m.old, m.new) not in listed]
        survived = {(mutant.old, mutant.new) for mutant in self.survivors}
        self.superfluous = [mutation for mutation in listed if mutation not in survived]

    @property
    def percent(self) -> float:
        """How many were killed."""
        return 100 * (1 - len(self.survivors) / self.mutants)

    @property
    def is_good(self) -> bool:
        """Whether enough were killed, and survivors.toml has exactly the others."""
        return self.percent >= LEAST and not self.unlisted and not self.superfluous

    def row(self) -> str:
        """The line of the table."""
        survivors = len(self.survivors)
        numbers = (self.mutants, self.mutants - survivors, self.timeouts, survivors)
        return f"| `{self.name}` | {' | '.join(map(str, numbers))} | {self.percent:.1f} |\n"


def write_table(results: list[Result]) -> None:
    """Write the README's table; lines of codes that were not tried now stay."""
    before, _, rest = README.read_text().partition(BEGIN)
    table, _, after = rest.partition(END)
    rows = {row.split("`")[1]: f"{row}\n" for row in table.splitlines()[2:]}
    rows |= {result.name: result.row() for result in results}
    README.write_text(before + BEGIN + HEAD + "".join(rows.values()) + END + after)
